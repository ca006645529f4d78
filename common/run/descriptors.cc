// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/run/descriptors.h"

#include <sys/resource.h>

namespace ipref::run {

size_t raise_descriptor_limit() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
    const rlimit raised{limit.rlim_max, limit.rlim_max};
    if (setrlimit(RLIMIT_NOFILE, &raised) == 0) return raised.rlim_cur;
    return limit.rlim_cur;
}

}  // namespace ipref::run
