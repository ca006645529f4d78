// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/mapping/entry_pool.h"

#include <sys/mman.h>

#include <cstdlib>
#include <mutex>
#include <new>

#include "gw/mapping/index.h"

namespace ipref::gw {

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

namespace {

constexpr size_t kHugePage = size_t{2} << 20;
constexpr size_t kFirstBlock = size_t{256} << 10;  // enough for most gateways, for good

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
        const size_t size = at_ == nullptr ? kFirstBlock : kHugePage;
        void* block = nullptr;
        if (posix_memalign(&block, size, size) != 0) throw std::bad_alloc();
        // A look-up among a million would miss the TLB at every entry.
        if (size == kHugePage) madvise(block, size, MADV_HUGEPAGE);
        at_ = static_cast<std::byte*>(block);
        left_ = size;
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

void* take_entry_space() {
    return pool().take();
}
void give_entry_space(void* space) {
    pool().give(space);
}

#endif

}  // namespace ipref::gw
