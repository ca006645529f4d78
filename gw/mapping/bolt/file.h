// SPDX-License-Identifier: GPL-2.0-or-later
// Reads bbolt files, the database format of the deployed gateways. Pure: bytes in, values out.
//
// A file is pages of one size. Pages 0 and 1 are metas, written in turn: the valid one with the
// higher transaction number counts. It names the root page of a B+ tree whose items are buckets,
// which are trees themselves. Numbers are little-endian (bbolt writes those of its machine):
//   page      id u64, flags u16 (1 branch, 2 leaf, 4 meta, 16 free list), count u16,
//             overflow u32 (pages that follow and belong to it), then `count` elements
//   branch    position u32 (of the key, from the element's start), key size u32, page u64
//   leaf      flags u32 (1: a bucket), position u32, key size u32, value size u32; the value comes
//             right after the key
//   bucket    a leaf's value: root page u64, sequence u64; with root 0 its only page follows there
//   meta      after the page's header: magic u32 0xed0cdaed, version u32 2, page size u32,
//             flags u32, root page u64, sequence u64, free list page u64, pages u64,
//             transaction u64, and FNV-1a of 64 bits over these
// Source: the documentation and the names of go.etcd.io/bbolt (doc.go, internal/common).
#pragma once

#include <vector>

#include "common/result.h"
#include "common/wire/cursor.h"

namespace ipref::gw::bolt {

using wire::Bytes;

struct Item {
    Bytes key;
    Bytes value;
};

/// Keys ascend, none is there twice.
struct Bucket {
    Bytes name;
    std::vector<Item> items;
};

/// The file's buckets; what they hold points into `file`. No page is read twice and no byte of an
/// item belongs to two, so that the work is linear in the file's size, whatever it says. Errors
/// name the page.
Result<std::vector<Bucket>> read_file(Bytes file);

}  // namespace ipref::gw::bolt
