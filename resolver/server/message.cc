// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/server/message.h"

namespace ipref::resolver {

void Reply::clear() {
    rcode = dns::rcode::kNoError;
    aa = ra = ad = tc = false;
    answer.clear();
    authority.clear();
    additional.clear();
    options.clear();
    packed = {};
    keep.reset();
    plugin = {};
}

}  // namespace ipref::resolver
