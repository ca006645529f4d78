// SPDX-License-Identifier: GPL-2.0-or-later
// DNS cookies (RFC 7873, RFC 9018): clients get one with each answer, and by showing it prove that
// their address is their own.
#include "resolver/plugins/cookie/cookie.h"

#include <openssl/rand.h>

#include <ctime>

#include "common/dns/wire_message.h"
#include "resolver/plugins/cookie/server_cookie.h"
#include "resolver/server/plugin.h"

namespace ipref::resolver {

namespace {

constexpr uint16_t kBadCookie = 23;

/// One a process, so that cookies outlive a reload.
const net::SipKey& master() {
    static const net::SipKey kMaster = [] {
        net::SipKey key;
        if (RAND_bytes(key.data(), static_cast<int>(key.size())) != 1) std::abort();
        return key;
    }();
    return kMaster;
}

uint32_t now() {
    return static_cast<uint32_t>(std::time(nullptr));
}

std::optional<Bytes> shown(const Query& q) {
    if (q.request.edns.options.empty()) return std::nullopt;
    return dns::Edns{.options = q.request.edns.options}.option(dns::option::kCookie);
}

class CookieHandler final : public Handler, public CookieJudge {
  public:
    CookieHandler(const CookieSecrets& secrets, bool require, run::Metrics& metrics)
        : secrets_(secrets), require_(require) {
        const auto counter = [&](const char* result) {
            return &metrics.counter("coredns_cookie_queries_total",
                                    "Queries with a cookie, by what it was worth.",
                                    {{"result", result}});
        };
        valid_ = counter("valid");
        new_ = counter("new");
        invalid_ = counter("invalid");
    }

    std::string_view name() const override { return "cookie"; }
    Interest interest() const override { return {.all = true}; }

    Step handle(Query& q) override {
        const auto cookie = shown(q);
        if (!cookie) return Step::next;
        const bool good = vouches(q);
        (good ? valid_ : cookie->size() == kClientCookie ? new_ : invalid_)->add();
        if (good || !require_ || !q.request.is_udp()) return Step::watch;
        put_cookie(q, *cookie);
        return q.failed(kBadCookie);
    }

    Step answered(Query& q) override {
        if (const auto cookie = shown(q)) put_cookie(q, *cookie);
        return Step::done;
    }

    bool vouches(const Query& q) const override {
        const auto cookie = shown(q);
        return cookie && secrets_.valid(*cookie, q.request.client.ip, now());
    }

    std::string explain() const override {
        return require_ ? "required of clients that know cookies" : "given to clients that ask";
    }

  private:
    void put_cookie(Query& q, Bytes cookie) const {
        const bool keep = vouches(q) && secrets_.fresh(cookie, now());
        const auto fresh = secrets_.make(cookie.first(kClientCookie), q.request.client.ip, now());
        q.reply.options.push_back(
            {dns::option::kCookie, q.arena().copy(keep ? cookie : Bytes(fresh))});
    }

    CookieSecrets secrets_;
    bool require_;
    run::Counter* valid_;
    run::Counter* new_;
    run::Counter* invalid_;
};

std::optional<net::SipKey> parse_secret(std::string_view text) {
    net::SipKey key;
    if (text.size() != 2 * key.size()) return std::nullopt;
    const auto digit = [](char c) -> int {
        if (c >= '0' && c <= '9') return c - '0';
        if (c >= 'a' && c <= 'f') return c - 'a' + 10;
        if (c >= 'A' && c <= 'F') return c - 'A' + 10;
        return -1;
    };
    for (size_t i = 0; i < key.size(); i++) {
        const int high = digit(text[2 * i]);
        const int low = digit(text[2 * i + 1]);
        if (high < 0 || low < 0) return std::nullopt;
        key[i] = static_cast<uint8_t>(high << 4 | low);
    }
    return key;
}

}  // namespace

Result<void> setup_cookie(Setup& setup) {
    auto& d = setup.tokens();
    d.next();
    if (!d.remaining_args().empty()) return d.arg_err();
    std::vector<net::SipKey> keys;
    bool require = false;
    OptionTable table;
    table.flag("require", require, "Clients that know cookies must show a valid one over UDP.");
    table.custom({"secret", "HEX [HEX]", "", "Keys that several servers share.",
                  [&](Dispenser& at) -> Result<void> {
                      for (const auto& word : at.remaining_args()) {
                          const auto key = parse_secret(word);
                          if (!key) return at.err("a secret is 32 hexadecimal digits");
                          keys.push_back(*key);
                      }
                      if (keys.empty() || keys.size() > 2) return at.arg_err();
                      return {};
                  }});
    if (auto read = table.read_block(d); !read) return read;
    if (d.next()) return setup.once_error();
    const auto secrets =
        keys.empty() ? CookieSecrets::rotating(master())
                     : CookieSecrets::fixed(
                           keys[0], keys.size() > 1 ? std::optional(keys[1]) : std::nullopt);
    setup.add(std::make_unique<CookieHandler>(secrets, require, setup.metrics()));
    return {};
}

}  // namespace ipref::resolver
