// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/mapping/entry_pool.h"

#include <sys/mman.h>

#include <mutex>
#include <new>

#include "gw/mapping/index.h"

namespace ipref::gw {

namespace {

constexpr size_t kBlock = size_t{1} << 20;

struct Free {
    Free* next;
};

class Pool {
  public:
    void* take() {
        const std::lock_guard lock(mutex_);
        if (free_ != nullptr) {
            Free* taken = free_;
            free_ = taken->next;
            return taken;
        }
        if (left_ < sizeof(Entry)) grow();
        void* taken = at_;
        at_ += sizeof(Entry);
        left_ -= sizeof(Entry);
        return taken;
    }

    void give(void* space) {
        const std::lock_guard lock(mutex_);
        free_ = new (space) Free{free_};
    }

  private:
    void grow() {
        void* block =
            mmap(nullptr, kBlock, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (block == MAP_FAILED) throw std::bad_alloc();
        at_ = static_cast<std::byte*>(block);
        left_ = kBlock;
    }

    std::mutex mutex_;
    Free* free_ = nullptr;
    std::byte* at_ = nullptr;
    size_t left_ = 0;
};

Pool& pool() {
    static auto* the_pool = new Pool;  // never destroyed: threads may free entries until the end
    return *the_pool;
}

}  // namespace

// Under a sanitizer each entry is an allocation that it can watch.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IPREF_WATCHED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define IPREF_WATCHED 1
#endif
#endif

#ifdef IPREF_WATCHED
void* take_entry_space() {
    return ::operator new(sizeof(Entry));
}
void give_entry_space(void* space) {
    ::operator delete(space);
}
#else
void* take_entry_space() {
    return pool().take();
}
void give_entry_space(void* space) {
    pool().give(space);
}
#endif

}  // namespace ipref::gw
