// SPDX-License-Identifier: GPL-2.0-or-later
// Traffic of several flows that the input chooses, joined and cut again: nothing lost, nothing
// invented, in the same order within each flow, what is corrupt untouched.
#include <cstdio>
#include <cstdlib>

#include "unit/gw/datapath/offload/traffic.h"

using namespace ipref;
using namespace ipref::test;

namespace {

/// Numbers from the input's bytes; zeros after them.
class Choices {
  public:
    explicit Choices(gw::Bytes bytes) : bytes_(bytes) {}
    size_t operator()(size_t below) {
        size_t value = 0;
        for (size_t least = 1; least < below; least <<= 8) value = value << 8 | next();
        return value % below;
    }
    bool done() const { return bytes_.empty(); }

  private:
    uint8_t next() {
        if (bytes_.empty()) return 0;
        const uint8_t first = bytes_.front();
        bytes_ = bytes_.subspan(1);
        return first;
    }
    gw::Bytes bytes_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size > 1024) return 0;
    static gw::Coalescer coalescer;
    Choices choices({data, size});
    const gw::CoalescerRules rules{choices(16) != 15, choices(16) != 15};
    Traffic traffic(choices);
    std::vector<Input> inputs;
    while (!choices.done() && inputs.size() < gw::Coalescer::kMostJoined) {
        inputs.push_back(traffic.next());
    }
    if (const auto wrong = check_coalescer(coalescer, inputs, rules)) {
        std::fprintf(stderr, "%s\n", wrong->c_str());
        std::abort();
    }
    return 0;
}
