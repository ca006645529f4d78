// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/mapping/bolt/file.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <utility>

namespace ipref::gw::bolt {

namespace {

constexpr uint32_t kMagic = 0xed0cdaed;
constexpr uint32_t kVersion = 2;
constexpr size_t kHeader = 16;   // of a page
constexpr size_t kElement = 16;  // of branch and leaf
constexpr size_t kMetaBody = 56;
constexpr uint16_t kBranch = 1;
constexpr uint16_t kLeaf = 2;
constexpr uint32_t kIsBucket = 1;
constexpr size_t kLeastPage = 512;
constexpr size_t kMostPage = 1 << 20;
constexpr unsigned kDeepest = 32;

uint64_t number(wire::Reader& in, size_t size) {
    uint64_t value = 0;
    unsigned shift = 0;
    for (const uint8_t byte : in.take(size)) {
        value |= uint64_t{byte} << shift;
        shift += 8;
    }
    return value;
}
uint16_t u16(wire::Reader& in) {
    return static_cast<uint16_t>(number(in, 2));
}
uint32_t u32(wire::Reader& in) {
    return static_cast<uint32_t>(number(in, 4));
}
uint64_t u64(wire::Reader& in) {
    return number(in, 8);
}

uint64_t fnv1a(Bytes bytes) {
    uint64_t sum = 0xcbf29ce484222325u;
    for (const uint8_t byte : bytes) sum = (sum ^ byte) * 0x100000001b3u;
    return sum;
}

struct Meta {
    uint32_t page_size = 0;
    uint64_t root = 0;
    uint64_t pages = 0;
    uint64_t transaction = 0;
};

std::optional<Meta> meta_at(Bytes file, size_t at) {
    wire::Reader page(file.subspan(std::min(at, file.size())));
    page.skip(kHeader);
    const Bytes body = page.take(kMetaBody);
    const uint64_t sum = u64(page);
    if (!page.ok() || sum != fnv1a(body)) return std::nullopt;
    wire::Reader in(body);
    if (u32(in) != kMagic || u32(in) != kVersion) return std::nullopt;
    Meta meta;
    meta.page_size = u32(in);
    in.skip(4);
    meta.root = u64(in);
    in.skip(16);
    meta.pages = u64(in);
    meta.transaction = u64(in);
    const bool power_of_two = (meta.page_size & (meta.page_size - 1)) == 0;
    if (meta.page_size < kLeastPage || meta.page_size > kMostPage || !power_of_two) {
        return std::nullopt;
    }
    return meta;
}

/// The newest meta that is whole. Where the second one stands the first says, if that is whole.
std::optional<Meta> find_meta(Bytes file) {
    const auto first = meta_at(file, 0);
    const size_t least = first ? first->page_size : kLeastPage;
    const size_t most = first ? first->page_size : kMostPage;
    std::optional<Meta> best = first;
    for (size_t size = least; size <= most; size *= 2) {
        const auto second = meta_at(file, size);
        if (!second || second->page_size != size) continue;
        if (!best || second->transaction > best->transaction) best = second;
    }
    return best;
}

/// Of a leaf.
struct Element {
    bool bucket = false;
    Bytes key;
    Bytes value;
};

class Walk {
  public:
    using OnElement = std::function<Result<void>(const Element&)>;

    Walk(Bytes file, const Meta& meta)
        : file_(file),
          size_(meta.page_size),
          pages_(std::min<uint64_t>(meta.pages, file.size() / meta.page_size)),
          seen_(pages_) {}

    /// The tree below the page, in the order of its keys.
    Result<void> tree(uint64_t id, unsigned depth, const OnElement& each) {
        if (depth > kDeepest) return fail("page {}: its tree is too deep", id);
        const auto bytes = page(id);
        if (!bytes) return tl::unexpected(bytes.error());
        return elements(id, *bytes, depth, each);
    }

    /// A page's elements, or what is below them. `id`: for errors.
    Result<void> elements(uint64_t id, Bytes page, unsigned depth, const OnElement& each) {
        wire::Reader in(page);
        in.skip(8);
        const uint16_t flags = u16(in);
        const uint16_t count = u16(in);
        in.skip(4);
        if (!in.ok() || (flags != kBranch && flags != kLeaf)) {
            return fail("page {}: neither a branch nor a leaf", id);
        }
        if (size_t{count} * kElement > in.left()) return fail("page {}: too short", id);
        size_t free = kHeader + size_t{count} * kElement;  // where the next item may begin
        for (uint16_t i = 0; i < count; i++) {
            auto done =
                flags == kBranch ? branch(id, in, depth, each) : leaf(id, page, in, free, each);
            if (!done) return done;
        }
        return {};
    }

  private:
    /// With what overflows into the pages after it.
    Result<Bytes> page(uint64_t id) {
        if (id < 2 || id >= pages_) return fail("page {}: outside the file", id);
        wire::Reader in(file_.subspan(id * size_));
        const uint64_t own = u64(in);
        in.skip(4);
        const uint64_t count = uint64_t{u32(in)} + 1;
        if (own != id) return fail("page {}: says that it is page {}", id, own);
        if (count > pages_ - id) return fail("page {}: goes on beyond the file's end", id);
        for (uint64_t each = id; each < id + count; each++) {
            if (seen_[each]) return fail("page {}: part of two things", each);
            seen_[each] = true;
        }
        return file_.subspan(id * size_, count * size_);
    }

    Result<void> branch(uint64_t id, wire::Reader& in, unsigned depth, const OnElement& each) {
        in.skip(8);  // the key: those below are compared instead
        const uint64_t child = u64(in);
        if (!in.ok()) return fail("page {}: too short", id);
        return tree(child, depth + 1, each);
    }

    static Result<void> leaf(uint64_t id, Bytes page, wire::Reader& in, size_t& free,
                             const OnElement& each) {
        const size_t start = in.position();
        const uint32_t flags = u32(in);
        const size_t at = start + u32(in);
        const size_t key_size = u32(in);
        const size_t value_size = u32(in);
        if (at < free || at > page.size()) return fail("page {}: an item lies elsewhere", id);
        wire::Reader item(page.subspan(at));
        Element element{(flags & kIsBucket) != 0, item.take(key_size), item.take(value_size)};
        if (!item.ok()) return fail("page {}: an item goes on beyond its end", id);
        free = at + key_size + value_size;
        return each(element);
    }

    Bytes file_;
    size_t size_;     ///< of a page
    uint64_t pages_;  ///< in the file, as far as it is used
    std::vector<bool> seen_;
};

Result<void> read_bucket(Walk& walk, const Element& element, Bucket& bucket) {
    wire::Reader in(element.value);
    const uint64_t root = u64(in);
    in.skip(8);
    if (!in.ok()) return fail("a bucket without a root");
    const Walk::OnElement add = [&bucket](const Element& item) -> Result<void> {
        if (item.bucket) return fail("a bucket within a bucket");
        const auto& items = bucket.items;
        if (!items.empty() && !std::ranges::lexicographical_compare(items.back().key, item.key)) {
            return fail("keys are not in order");
        }
        bucket.items.push_back({item.key, item.value});
        return {};
    };
    return root != 0 ? walk.tree(root, 0, add) : walk.elements(root, in.rest(), kDeepest, add);
}

}  // namespace

Result<std::vector<Bucket>> read_file(Bytes file) {
    const auto meta = find_meta(file);
    if (!meta) return fail("no bbolt file, or both its first pages are damaged");
    Walk walk(file, *meta);
    std::vector<Bucket> buckets;
    auto done = walk.tree(meta->root, 0, [&](const Element& element) -> Result<void> {
        if (!element.bucket) return fail("page {}: an item outside of all buckets", meta->root);
        buckets.push_back({element.key, {}});
        return read_bucket(walk, element, buckets.back());
    });
    if (!done) return tl::unexpected(done.error());
    return buckets;
}

}  // namespace ipref::gw::bolt
