// SPDX-License-Identifier: GPL-2.0-or-later
// Orderings that liburcu makes by assembler barriers, told to ThreadSanitizer. See rcu.h.
#pragma once

#if defined(__SANITIZE_THREAD__)
#define IPREF_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define IPREF_TSAN 1
#endif
#endif

#ifdef IPREF_TSAN
#include <sanitizer/tsan_interface.h>
#endif

namespace ipref::gw {

/// What this thread did before is seen by who acquires the same address afterwards.
inline void annotate_release([[maybe_unused]] void* address) {
#ifdef IPREF_TSAN
    __tsan_release(address);
#endif
}

inline void annotate_acquire([[maybe_unused]] void* address) {
#ifdef IPREF_TSAN
    __tsan_acquire(address);
#endif
}

/// In a thread that frees, after a grace period: every reader's uses lie before.
void annotate_grace_period_end();

}  // namespace ipref::gw
