// SPDX-License-Identifier: GPL-2.0-or-later
// The server's identifier for clients that ask for it (RFC 5001).
#include <unistd.h>

#include <array>
#include <climits>

#include "common/dns/wire_message.h"
#include "resolver/server/plugin.h"

namespace ipref::resolver {

namespace {

class Nsid final : public Handler {
  public:
    explicit Nsid(std::string data) : data_(std::move(data)) {}
    std::string_view name() const override { return "nsid"; }

    Step handle(Query& q) override {
        dns::Edns edns;
        edns.options = q.request.edns.options;
        const bool asked = q.request.edns.present && edns.option(dns::option::kNsid);
        return asked ? Step::watch : Step::next;
    }

    Step answered(Query& q) override {
        auto& options = q.reply.options;
        std::erase_if(options, [](const auto& one) { return one.code == dns::option::kNsid; });
        const auto* bytes = reinterpret_cast<const uint8_t*>(data_.data());
        options.push_back({dns::option::kNsid, {bytes, data_.size()}});
        return Step::done;
    }

  private:
    std::string data_;  // lives as long as the configuration, which the query keeps
};

constexpr size_t kMostData = 128;  // an answer has room for little more

}  // namespace

Result<void> setup_nsid(Setup& setup) {
    auto& d = setup.tokens();
    std::array<char, HOST_NAME_MAX + 1> host{};
    if (gethostname(host.data(), host.size() - 1) != 0) return setup.error("no host name");
    std::string data = host.data();
    for (unsigned uses = 0; d.next(); uses++) {
        if (uses > 0) return setup.once_error();
        const auto words = d.remaining_args();
        if (!words.empty()) data = fmt::format("{}", fmt::join(words, " "));
        if (auto read = OptionTable().read_block(d); !read) return read;
    }
    if (data.size() > kMostData) {
        return setup.error(fmt::format("an identifier has at most {} bytes, this one has {}",
                                       kMostData, data.size()));
    }
    setup.add(std::make_unique<Nsid>(std::move(data)));
    return {};
}

}  // namespace ipref::resolver
