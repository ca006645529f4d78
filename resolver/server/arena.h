// SPDX-License-Identifier: GPL-2.0-or-later
// Memory of one query: handed out in order, given back all at once. The blocks are kept for the
// next query, so that a running server does not call malloc for each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

namespace ipref::resolver {

class Arena {
  public:
    Arena() = default;
    ~Arena() { reset(); }
    Arena(const Arena&) = delete;
    Arena& operator=(const Arena&) = delete;

    /// Room for `size` bytes, aligned for any type; valid until reset().
    std::span<uint8_t> room(size_t size);
    std::span<const uint8_t> copy(std::span<const uint8_t> bytes) {
        const auto to = room(bytes.size());
        if (!bytes.empty()) std::memcpy(to.data(), bytes.data(), bytes.size());
        return to;
    }
    /// An object that lives until reset(); destroyed then.
    template <typename T, typename... Args>
    T& make(Args&&... args) {
        auto* object = new (room(sizeof(T)).data()) T(std::forward<Args>(args)...);
        if constexpr (!std::is_trivially_destructible_v<T>) {
            ends_.push_back({object, [](void* o) { static_cast<T*>(o)->~T(); }});
        }
        return *object;
    }
    /// Destroys the objects, latest first; keeps a little memory for the next query.
    void reset();

  private:
    static constexpr size_t kBlock = 4096;
    struct End {
        void* object;
        void (*destroy)(void*);
    };
    std::vector<std::unique_ptr<uint8_t[]>> blocks_;
    std::vector<std::unique_ptr<uint8_t[]>> large_;
    std::vector<End> ends_;
    size_t block_ = 0;
    size_t used_ = 0;
};

}  // namespace ipref::resolver
