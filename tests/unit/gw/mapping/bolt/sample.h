// SPDX-License-Identifier: GPL-2.0-or-later
// The recorded database of a deployed gateway, and a writer of small bbolt files for what that one
// does not have: other page sizes, deep trees, overflow, damage.
#pragma once

#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

namespace ipref::test {

using FileBytes = std::vector<uint8_t>;

inline std::string sample_path(const std::string& name) {
    return std::string(IPREF_SOURCE_DIR) + "/tests/vectors/bolt/" + name;
}

inline FileBytes sample() {
    std::ifstream file(sample_path("mapper_ea4_gw4.db"), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

template <typename Number>
void put(FileBytes& file, size_t at, Number value) {
    for (size_t i = 0; i < sizeof(value); i++) {
        file.at(at + i) = static_cast<uint8_t>(static_cast<uint64_t>(value) >> (8 * i));
    }
}

/// The checksum of the meta at `page_start` made right again.
inline void seal_meta(FileBytes& file, size_t page_start) {
    uint64_t sum = 0xcbf29ce484222325u;
    for (size_t i = 16; i < 72; i++) sum = (sum ^ file.at(page_start + i)) * 0x100000001b3u;
    put(file, page_start + 72, sum);
}

using Pairs = std::vector<std::pair<std::string, std::string>>;

/// Pages by number, of any size.
class BoltWriter {
  public:
    explicit BoltWriter(size_t page_size, size_t pages)
        : size_(page_size), bytes_(page_size * pages) {}

    /// Both metas name `root`; the second is the newer.
    void metas(uint64_t root) {
        for (const size_t id : {0, 1}) {
            header(id, 4, 0, 0);
            const size_t at = id * size_ + 16;
            put(bytes_, at, 0xed0cdaedu);
            put(bytes_, at + 4, 2u);
            put(bytes_, at + 8, static_cast<uint32_t>(size_));
            put(bytes_, at + 16, root);
            put(bytes_, at + 40, static_cast<uint64_t>(bytes_.size() / size_));
            put(bytes_, at + 48, static_cast<uint64_t>(7 + id));
            seal_meta(bytes_, id * size_);
        }
    }
    void leaf(size_t id, const Pairs& items, bool buckets = false, uint32_t overflow = 0) {
        header(id, 2, items.size(), overflow);
        size_t element = id * size_ + 16;
        size_t free = element + 16 * items.size();
        for (const auto& [key, value] : items) {
            put(bytes_, element, buckets ? 1u : 0u);
            put(bytes_, element + 4, static_cast<uint32_t>(free - element));
            put(bytes_, element + 8, static_cast<uint32_t>(key.size()));
            put(bytes_, element + 12, static_cast<uint32_t>(value.size()));
            text(free, key + value);
            free += key.size() + value.size();
            element += 16;
        }
    }
    void branch(size_t id, const std::vector<std::pair<std::string, uint64_t>>& children) {
        header(id, 1, children.size(), 0);
        size_t element = id * size_ + 16;
        size_t free = element + 16 * children.size();
        for (const auto& [key, child] : children) {
            put(bytes_, element, static_cast<uint32_t>(free - element));
            put(bytes_, element + 4, static_cast<uint32_t>(key.size()));
            put(bytes_, element + 8, child);
            text(free, key);
            free += key.size();
            element += 16;
        }
    }
    /// The value of a bucket whose tree begins on another page.
    static std::string root(uint64_t id) {
        FileBytes bytes(16);
        put(bytes, 0, id);
        return {bytes.begin(), bytes.end()};
    }
    FileBytes& bytes() { return bytes_; }

  private:
    void header(size_t id, uint16_t flags, size_t count, uint32_t overflow) {
        put(bytes_, id * size_, static_cast<uint64_t>(id));
        put(bytes_, id * size_ + 8, flags);
        put(bytes_, id * size_ + 10, static_cast<uint16_t>(count));
        put(bytes_, id * size_ + 12, overflow);
    }
    void text(size_t at, const std::string& value) {
        for (const char c : value) bytes_.at(at++) = static_cast<uint8_t>(c);
    }

    size_t size_;
    FileBytes bytes_;
};

}  // namespace ipref::test
