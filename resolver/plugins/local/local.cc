// SPDX-License-Identifier: GPL-2.0-or-later
// Plugin local: names and zones that every server should answer by itself (RFC 6303, RFC 6761):
// localhost, and the reverse zones of 0/8, 127/8 and 255/8.
#include <algorithm>

#include "resolver/server/plugin.h"

namespace ipref::resolver {

namespace {

constexpr uint32_t kTtl = 604800;

struct Data {
    Name localhost = *Name::parse("localhost");
    std::vector<Name> zones = {localhost, *Name::parse("0.in-addr.arpa"),
                               *Name::parse("127.in-addr.arpa"), *Name::parse("255.in-addr.arpa")};
    Name loopback = *Name::parse("1.0.0.127.in-addr.arpa");
    std::vector<uint8_t> soa;

    Data() {
        const auto append = [&](const Name& name) {
            soa.insert(soa.end(), name.wire().begin(), name.wire().end());
        };
        append(localhost);
        append(*Name::parse("root.localhost"));
        for (const uint32_t number : {1U, 0U, 0U, 0U, kTtl}) {
            for (int shift = 24; shift >= 0; shift -= 8) {
                soa.push_back(static_cast<uint8_t>(number >> shift));
            }
        }
    }
};

const Data& data() {
    static const Data made;
    return made;
}

class Local final : public Handler {
  public:
    explicit Local(run::Metrics& metrics)
        : localhost_(metrics.counter("coredns_local_localhost_requests_total",
                                     "Counter of localhost.<domain> requests.")) {}
    std::string_view name() const override { return "local"; }

    Step handle(Query& q) override {
        const auto& name = q.request.lower;
        const bool localhost_of = name.labels() > 1 && is_localhost(name.first_label());
        if (localhost_of) {
            localhost_.add();
            return addresses(q);
        }
        const auto* zone = longest_zone(data().zones, name);
        if (zone == nullptr) return Step::next;
        if (name == data().localhost && is_address(q.request.type)) return addresses(q);
        if (name == *zone) return apex(q, *zone);
        return below(q, *zone);
    }

  private:
    static bool is_localhost(Bytes label) {
        const Bytes own = data().localhost.first_label();
        return label.size() == own.size() && dns::same_bytes(label, own);
    }
    static bool is_address(uint16_t type) {
        return type == dns::rr::kA || type == dns::rr::kAaaa || type == dns::rr::kAny;
    }

    static void add(std::vector<RecordRef>& to, Bytes owner, uint16_t type, Bytes rdata) {
        to.push_back({.owner = owner, .type = type, .ttl = kTtl, .rdata = rdata});
    }

    Step addresses(Query& q) {
        const uint16_t type = q.request.type;
        const auto add_ip = [&](const char* text) {
            q.add_address(q.reply.answer, q.asked_name(), kTtl, *net::Ip::parse(text));
        };
        if (type == dns::rr::kA || type == dns::rr::kAny) add_ip("127.0.0.1");
        if (type == dns::rr::kAaaa || type == dns::rr::kAny) add_ip("::1");
        return q.reply.answer.empty() ? nothing(q, q.asked_name()) : Step::done;
    }

    Step apex(Query& q, const Name& zone) {
        const uint16_t type = q.request.type;
        const bool any = type == dns::rr::kAny;
        auto& answer = q.reply.answer;
        if (type == dns::rr::kSoa || any) add(answer, q.asked_name(), dns::rr::kSoa, data().soa);
        if (type == dns::rr::kNs || any) {
            add(answer, q.asked_name(), dns::rr::kNs, data().localhost.wire());
        }
        return answer.empty() ? nothing(q, zone.wire()) : Step::done;
    }

    Step below(Query& q, const Name& zone) {
        const auto& name = q.request.lower;
        const uint16_t type = q.request.type;
        if (name == data().loopback && (type == dns::rr::kPtr || type == dns::rr::kAny)) {
            add(q.reply.answer, q.asked_name(), dns::rr::kPtr, data().localhost.wire());
            return Step::done;
        }
        const bool exists = data().loopback.is_under(name);
        if (!exists) q.reply.rcode = dns::rcode::kNxDomain;
        return nothing(q, zone.wire());
    }

    static Step nothing(Query& q, Bytes owner) {
        add(q.reply.authority, owner, dns::rr::kSoa, data().soa);
        return Step::done;
    }

    run::Counter& localhost_;
};

}  // namespace

Result<void> setup_local(Setup& setup) {
    auto& d = setup.tokens();
    while (d.next()) {
        if (d.next_on_line()) return d.arg_err();
    }
    setup.add(std::make_unique<Local>(setup.metrics()));
    return {};
}

}  // namespace ipref::resolver
