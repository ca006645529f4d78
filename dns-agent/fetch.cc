// SPDX-License-Identifier: GPL-2.0-or-later
#include "dns-agent/fetch.h"

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

}  // namespace ipref::agent
