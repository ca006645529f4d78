// SPDX-License-Identifier: GPL-2.0-or-later
// Caps the size of answers that clients ask for over UDP, so that they are not fragmented.
#include "resolver/server/plugin.h"

namespace ipref::resolver {

namespace {

constexpr uint32_t kLeast = 512;
constexpr uint32_t kMost = 4096;

class Bufsize final : public Handler {
  public:
    explicit Bufsize(uint16_t size) : size_(size) {}
    std::string_view name() const override { return "bufsize"; }

    Step handle(Query& q) override {
        auto& edns = q.request.edns;
        if (edns.present && edns.udp_size > size_) {
            edns.udp_size = size_;
            if (q.request.is_udp()) q.cap(size_);
        }
        return Step::next;
    }

  private:
    uint16_t size_;
};

}  // namespace

Result<void> setup_bufsize(Setup& setup) {
    auto& d = setup.tokens();
    uint32_t size = dns::kEdnsUdpSize;
    for (unsigned uses = 0; d.next(); uses++) {
        if (uses > 0) return setup.once_error();
        const auto words = d.remaining_args();
        if (words.size() > 1) return d.arg_err();
        if (!words.empty()) {
            const auto& word = words.front();
            const bool digits = !word.empty() && word.size() <= 4 &&
                                word.find_first_not_of("0123456789") == std::string::npos;
            size = digits ? static_cast<uint32_t>(std::stoul(word)) : 0;
            if (size < kLeast || size > kMost) {
                return d.err(fmt::format("\"{}\" is no size from {} to {}", word, kLeast, kMost));
            }
        }
        if (auto read = OptionTable().read_block(d); !read) return read;
    }
    setup.add(std::make_unique<Bufsize>(static_cast<uint16_t>(size)));
    return {};
}

}  // namespace ipref::resolver
