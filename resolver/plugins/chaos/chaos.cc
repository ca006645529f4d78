// SPDX-License-Identifier: GPL-2.0-or-later
// Who answers here: version.bind, hostname.bind and so on in class CH.
#include <unistd.h>

#include <array>
#include <climits>

#include "common/dns/random.h"
#include "common/run/version.h"
#include "resolver/server/plugin.h"

namespace ipref::resolver {

namespace {

constexpr size_t kMostText = 255;  // of one character string

std::string host_name() {
    std::array<char, HOST_NAME_MAX + 1> name{};
    return gethostname(name.data(), name.size() - 1) == 0 ? std::string(name.data()) : "localhost";
}

class Chaos final : public Handler {
  public:
    Chaos(std::string version, std::vector<std::string> authors)
        : version_(std::move(version)), authors_(std::move(authors)) {}
    std::string_view name() const override { return "chaos"; }
    Interest interest() const override { return {.other_classes = true}; }

    Step handle(Query& q) override {
        const auto& request = q.request;
        if (request.klass != dns::klass::kCh || request.type != dns::rr::kTxt) return Step::next;
        const auto asked = request.lower.str();
        if (asked == "version.bind." || asked == "version.server.") {
            add(q, version_);
        } else if (asked == "hostname.bind." || asked == "id.server.") {
            add(q, host_name());
        } else if (asked == "authors.bind.") {
            const auto first = dns::random_below(static_cast<uint32_t>(authors_.size()));
            for (size_t i = 0; i < authors_.size(); i++) {
                add(q, authors_[(first + i) % authors_.size()]);
            }
        } else {
            return Step::next;
        }
        return Step::done;
    }

  private:
    static void add(Query& q, const std::string& text) {
        const size_t size = std::min(text.size(), kMostText);
        const auto data = q.arena().room(1 + size);
        data[0] = static_cast<uint8_t>(size);
        std::copy_n(text.begin(), size, data.begin() + 1);
        q.reply.answer.push_back({.owner = q.asked_name(),
                                  .type = dns::rr::kTxt,
                                  .klass = dns::klass::kCh,
                                  .rdata = data});
    }

    std::string version_;
    std::vector<std::string> authors_;
};

}  // namespace

Result<void> setup_chaos(Setup& setup) {
    auto& d = setup.tokens();
    std::string version = fmt::format("ipref-coredns-{}", run::kRelease);
    std::vector<std::string> authors = {"the IPREF project"};
    while (d.next()) {
        auto words = d.remaining_args();
        if (!words.empty()) version = words.front();
        if (words.size() > 1) authors.assign(words.begin() + 1, words.end());
        while (d.next_block()) {
            setup.warn(
                fmt::format("'{}' in a block is passed over: there are no options", d.val()));
            static_cast<void>(d.remaining_args());
        }
        if (!d.ok()) return d.eof_err();
    }
    setup.add(std::make_unique<Chaos>(std::move(version), std::move(authors)));
    return {};
}

}  // namespace ipref::resolver
