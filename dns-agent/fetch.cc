// SPDX-License-Identifier: GPL-2.0-or-later
#include "dns-agent/fetch.h"

#include <chrono>

namespace ipref::agent {

const char* name_of(Fetched::How how) {
    switch (how) {
        case Fetched::How::unchanged:
            return "unchanged";
        case Fetched::How::differences:
            return "ixfr";
        case Fetched::How::whole:
            return "axfr";
        case Fetched::How::queries:
            return "queries";
    }
    return "";
}

int64_t unix_time() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::seconds>(now).count();
}

}  // namespace ipref::agent
