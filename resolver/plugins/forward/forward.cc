// SPDX-License-Identifier: GPL-2.0-or-later
// Plugin forward: hands queries to other servers. Source: spec page "ipref-coredns", 2.2, 2.4 and
// "Behaviour that Corefiles rely on". Options: README.md beside this file.
#include <algorithm>
#include <array>
#include <atomic>
#include <optional>
#include <unordered_set>

#include "common/dns/resolver.h"
#include "common/net/private_networks.h"
#include "common/run/log.h"
#include "resolver/plugins/forward/exchange.h"
#include "resolver/plugins/forward/scrub.h"
#include "resolver/server/plugin.h"

namespace ipref::resolver {

namespace {

constexpr size_t kMostTo = 15;

struct Options {
    Name from;
    std::vector<Name> except;
    std::vector<uint16_t> next;  // rcodes that the next forward is asked for
    uint32_t max_concurrent = 0;
    run::Counter* rejects = nullptr;  // queries beyond that
    bool stop_rebind = false;
    std::vector<Name> may_be_private;  // names under these may have private addresses all the same
    run::Counter* foreign = nullptr;   // records that are dropped because nobody asked for them
    run::Counter* rebinds = nullptr;   // ... because their addresses are private
    forward::ExchangesOptions exchanges;
};

/// Options of EDNS that are between two neighbours only: RFC 7873, 7828, 7830.
bool is_hop_by_hop(uint16_t code) {
    constexpr uint16_t kKeepalive = 11;
    constexpr uint16_t kPadding = 12;
    return code == dns::option::kCookie || code == kKeepalive || code == kPadding;
}

std::vector<uint8_t> options_to_pass(Bytes options) {
    std::vector<uint8_t> passed;
    wire::Reader reader(options);
    while (reader.left() > 0) {
        const uint16_t code = reader.u16();
        const auto data = reader.take(reader.u16());
        if (!reader.ok()) break;
        if (!is_hop_by_hop(code)) dns::append_option(passed, code, data);
    }
    return passed;
}

/// Over UDP no more than fits into a packet that is not fragmented; a client that takes more gets
/// it over TCP.
uint16_t offered_size(uint16_t client) {
    return std::clamp<uint16_t>(client, dns::kPlainUdpSize, dns::kEdnsUdpSize);
}

/// The question anew: nothing else of what a client wrote goes to other servers.
std::vector<uint8_t> make_query(const Request& request) {
    const auto options = options_to_pass(request.edns.options);
    std::vector<uint8_t> space(dns::kHeaderSize + dns::kMaxName + 4 + 11 + options.size());
    dns::MessageWriter writer(space);
    writer.question({request.name, request.type, request.klass});
    if (request.edns.present) {
        dns::Edns edns;
        edns.udp_size = offered_size(request.edns.udp_size);
        edns.dnssec_ok = request.edns.dnssec_ok;
        edns.options = options;
        writer.edns(edns);
    }
    uint16_t flags = request.rd ? dns::flag::kRd : 0;
    if (request.cd) flags |= dns::flag::kCd;
    if (request.ad) flags |= dns::flag::kAd;
    const auto message = writer.finish(0, flags);
    return {message.begin(), message.end()};
}

/// Extended errors of the upstream are for the client too.
void pass_extended_errors(Bytes message, Query& q) {
    dns::MessageReader reader(message);
    while (const auto record = reader.record()) {
        if (record->type != dns::rr::kOpt) continue;
        const auto error = dns::Edns::from(*record).option(dns::option::kExtendedError);
        if (error) q.reply.options.push_back({dns::option::kExtendedError, q.arena().copy(*error)});
    }
}

/// Whoever runs such a name may do so all day long.
void tell_rebind(const Query& q, const net::Endpoint& from) {
    thread_local run::LogLimit limit;
    uint64_t left_out = 0;
    if (!limit.allow(std::chrono::steady_clock::now(), left_out)) return;
    if (left_out > 0)
        run::log_warning("plugin/forward: {} more private addresses before", left_out);
    run::log_warning(
        "plugin/forward: {} gives {} an address of a private network: taken out; "
        "'stop_rebind {}' lets it through",
        from.str(), q.request.name.str(), q.request.name.str());
}

class Forward final : public Handler {
  public:
    explicit Forward(Options options) : options_(std::move(options)) {}

    std::string_view name() const override { return "forward"; }
    Interest interest() const override { return {.other_classes = true}; }

    Result<void> link(const Chain& chain) override {
        const auto handlers = chain.handlers();
        for (size_t i = 0; i + 1 < handlers.size(); i++) {
            if (handlers[i].get() == this) next_forwards_ = handlers[i + 1]->name() == name();
        }
        return {};
    }

    Step handle(Query& q) override {
        if (!is_ours(q.request.lower)) return Step::next;
        if (options_.max_concurrent > 0 && concurrent_ >= options_.max_concurrent) {
            options_.rejects->add();
            return q.failed(dns::rcode::kRefused,
                            fmt::format("plugin/forward: concurrent queries exceeded maximum {}",
                                        options_.max_concurrent));
        }
        concurrent_++;
        auto& state = state_[q.worker()];
        state.held.insert(&q);
        state.exchanges.ask(
            make_query(q.request), !q.request.is_udp(), q.limit(),
            [this, &q](const forward::Outcome& outcome) { return take(q, outcome); });
        return Step::later;
    }

    Result<void> start(Worker& worker) override {
        state_.make(worker, worker.loop(), options_.exchanges);
        const auto& tls = options_.exchanges.upstreams.tls;
        if (tls != nullptr && worker.index() == 0) tls->watch(worker.loop());
        return {};
    }

    void stop(Worker& worker) override {
        const auto held = std::move(state_[worker].held);
        state_.drop(worker);
        const auto& tls = options_.exchanges.upstreams.tls;
        if (tls != nullptr && worker.index() == 0) tls->stop();
        concurrent_ -= static_cast<uint32_t>(held.size());
        for (auto* q : held) q->fail(dns::rcode::kServFail);
    }

    std::string explain() const override {
        std::vector<std::string> to;
        for (const auto& one : options_.exchanges.upstreams.to) to.push_back(one.str());
        return fmt::format("zone {} to {}", options_.from.str(), fmt::join(to, ", "));
    }

  private:
    /// What one worker holds.
    struct State {
        State(run::Loop& loop, const forward::ExchangesOptions& options)
            : exchanges(loop, options) {}
        std::unordered_set<Query*> held;
        forward::Exchanges exchanges;
    };

    bool is_ours(const Name& lower) const {
        if (!lower.is_under(options_.from)) return false;
        return lower == options_.from || longest_zone(options_.except, lower) == nullptr;
    }

    void let_go(Query& q) {
        state_[q.worker()].held.erase(&q);
        concurrent_--;
    }

    /// Takes out what the upstream had better not have said.
    void scrub(Query& q, const net::Endpoint& from) const {
        if (const auto count = forward::drop_foreign(q.reply, q.request, options_.from)) {
            options_.foreign->add(count);
        }
        if (!options_.stop_rebind || net::is_private(from.ip)) return;
        if (longest_zone(options_.may_be_private, q.request.lower) != nullptr) return;
        const auto count = forward::drop_private(q.reply);
        if (count == 0) return;
        options_.rebinds->add(count);
        q.reply.ad = false;
        q.add_extended_error(dns::ede::kBlocked, "an address of a private network was taken out");
        tell_rebind(q, from);
    }

    /// False: the answer is malformed. Else it ends the query, and nothing of this handler may be
    /// touched afterwards.
    bool take(Query& q, const forward::Outcome& outcome) {
        if (!outcome) {
            let_go(q);
            q.reply.plugin = "forward";
            q.add_extended_error(dns::ede::kNoReachableAuthority, outcome.error().text);
            q.fail(dns::rcode::kServFail, "plugin/forward: " + outcome.error().text);
            return true;
        }
        if (!q.take_message(*outcome)) return false;
        const auto& from = state_[q.worker()].exchanges.answered_by();
        if (q.keeps_metadata()) q.set_metadata("forward/upstream", from.str());
        scrub(q, from);
        let_go(q);
        const auto& next = options_.next;
        if (next_forwards_ && std::find(next.begin(), next.end(), q.reply.rcode) != next.end()) {
            q.reply.clear();
            q.pass();
            return true;
        }
        pass_extended_errors(*outcome, q);
        q.reply.plugin = "forward";
        q.finish();
        return true;
    }

    Options options_;
    bool next_forwards_ = false;  // the plugin behind this one is another forward
    std::atomic<uint32_t> concurrent_ = 0;
    PerWorker<State> state_;
};

// -- set-up

run::Milliseconds rounded_up(Nanoseconds value) {
    return std::chrono::ceil<run::Milliseconds>(value);
}

Result<void> take_names(Dispenser& d, std::vector<Name>& to) {
    const auto names = d.remaining_tokens();
    if (names.empty()) return d.arg_err();
    for (const auto& name : names) {
        const auto zones = normalize_zone(name.text);
        if (!zones) return parse_error(name.at, zones.error().text);
        to.insert(to.end(), zones->begin(), zones->end());
    }
    return {};
}

/// stop_rebind [NAME...]
Result<void> take_stop_rebind(Dispenser& d, Options& to) {
    to.stop_rebind = true;
    return d.count_args() == 0 ? Result<void>() : take_names(d, to.may_be_private);
}

Result<void> take_rcodes(Dispenser& d, std::vector<uint16_t>& to) {
    const auto words = d.remaining_tokens();
    if (words.empty()) return d.arg_err();
    for (const auto& word : words) {
        const auto rcode = dns::parse_rcode(word.text);
        if (!rcode) {
            return parse_error(word.at, fmt::format("\"{}\" is not a valid rcode", word.text));
        }
        to.push_back(*rcode);
    }
    return {};
}

/// DURATION [no_rec] [domain FQDN]
Result<void> take_health_check(Dispenser& d, forward::UpstreamsOptions& to) {
    constexpr run::Milliseconds kLeast(10);
    if (!d.next_arg()) return d.arg_err();
    const auto every = parse_duration(d.val());
    if (!every) return d.err(every.error().text);
    if (every->count() < 0) return d.err("health_check can't be negative");
    to.health_check = std::max(rounded_up(*every), kLeast);
    while (d.next_arg()) {
        if (d.val() == "no_rec") {
            to.recursion_desired = false;
        } else if (d.val() == "domain") {
            if (!d.next_arg()) return d.arg_err();
            const auto name = Name::parse(d.val());
            if (!name) return d.err("health_check domain: " + name.error().text);
            to.domain = *name;
        } else {
            return d.err(
                fmt::format("health_check: unknown option \"{}\"; there are no_rec and "
                            "domain FQDN",
                            d.val()));
        }
    }
    return {};
}

/// What is parsed into, besides the options themselves.
struct Parsed {
    Options options;
    Nanoseconds expire = std::chrono::seconds(10);
    Nanoseconds read_timeout = std::chrono::seconds(2);
    size_t policy = 0;
    std::optional<tls::ClientOptions> tls;
    std::vector<net::Endpoint> resolvers;  // of host names
};

/// [CA | CERT KEY | CERT KEY CA]
Result<void> take_tls(const Setup& setup, Dispenser& d, Parsed& to) {
    auto files = d.remaining_args();
    if (files.size() > 3) return d.arg_err();
    for (auto& file : files) file = setup.path(file);
    to.tls.emplace();
    if (files.size() % 2 == 1) to.tls->ca = files.back();
    if (files.size() >= 2) {
        to.tls->certificate = files[0];
        to.tls->key = files[1];
    }
    return {};
}

Result<void> take_source(Dispenser& d, std::optional<net::Ip>& to) {
    if (!d.next_arg()) return d.arg_err();
    const auto ip = net::Ip::parse(d.val());
    if (!ip) return d.err(fmt::format("source_address must be an address, but is \"{}\"", d.val()));
    to = *ip;
    return {};
}

Result<void> take_resolvers(Dispenser& d, std::vector<net::Endpoint>& to) {
    const auto words = d.remaining_tokens();
    if (words.empty()) return d.arg_err();
    for (const auto& word : words) {
        const auto at = dns::parse_servers(word.text);
        if (!at) return parse_error(word.at, fmt::format("resolver: {}", at.error().text));
        to.insert(to.end(), at->begin(), at->end());
    }
    return {};
}

/// Reads the files: what is wrong with them is said at start.
Result<void> make_tls(const Setup& setup, const Parsed& parsed,
                      forward::UpstreamsOptions& upstreams) {
    const bool wanted = parsed.tls || std::any_of(upstreams.to.begin(), upstreams.to.end(),
                                                  [](const auto& to) { return to.tls; });
    if (!wanted) return {};
    const auto options = parsed.tls.value_or(tls::ClientOptions{});
    std::vector<std::string> files;
    for (const auto* file : {&options.ca, &options.certificate, &options.key}) {
        if (!file->empty()) files.push_back(*file);
    }
    auto context =
        tls::LiveContext::open(files, [options] { return tls::Context::client(options); });
    if (!context) return setup.error(context.error().text);
    upstreams.tls = std::move(*context);
    return {};
}

OptionTable option_table(const Setup& setup, Parsed& parsed) {
    auto& options = parsed.options;
    auto& upstreams = options.exchanges.upstreams;
    OptionTable table;
    table.custom({"except", "NAME...", "", "Names under these go to the next plugin.",
                  [&](Dispenser& d) { return take_names(d, options.except); }});
    table.flag("force_tcp", options.exchanges.force_tcp,
               "TCP even for queries that came over UDP.");
    table.flag("prefer_udp", options.exchanges.prefer_udp,
               "UDP even for queries that came over TCP; a cut answer is asked for over TCP.");
    table.duration("expire", parsed.expire, std::chrono::milliseconds(1), std::chrono::hours(24),
                   "Idle TCP connections are closed after this time.");
    table.number("max_fails", upstreams.max_fails, 0, 1'000'000,
                 "An upstream is down after more failed probes than this; 0: never.");
    table.custom({"tls", "[CA | CERT KEY | CERT KEY CA]", "",
                  "Who may sign upstreams' certificates, and what is shown to them.",
                  [&](Dispenser& d) { return take_tls(setup, d, parsed); }});
    table.text("tls_servername", "NAME", upstreams.tls_servername,
               "What the certificates of upstreams with TLS must name.");
    table.choice("policy", {"random", "round_robin", "sequential", "fastest"}, parsed.policy,
                 "Which upstream is asked first.");
    table.duration("read_timeout", parsed.read_timeout, std::chrono::milliseconds(1),
                   std::chrono::hours(1), "How long one upstream has to answer.");
    table.custom({"source_address", "ADDRESS", "", "Queries come from this address.",
                  [&](Dispenser& d) { return take_source(d, upstreams.source); }});
    table.custom({"resolver", "ADDRESS...", "", "Where host names in TO are looked up.",
                  [&](Dispenser& d) { return take_resolvers(d, parsed.resolvers); }});
    table.flag(
        "mix_case", upstreams.mix_case,
        "Random case in the names of queries over UDP, so that answers are harder to forge.");
    table.custom({"stop_rebind", "[NAME...]", "",
                  "Private addresses are taken out of what public upstreams answer, except for "
                  "names under these.",
                  [&](Dispenser& d) { return take_stop_rebind(d, options); }});
    table.custom({"health_check", "DURATION [no_rec] [domain FQDN]", "0.5s",
                  "Time between probes of an upstream that did not answer; without RD; for the NS "
                  "of another name than the root.",
                  [&](Dispenser& d) { return take_health_check(d, upstreams); }});
    table.number("max_concurrent", options.max_concurrent, 0, 0x7fffffff,
                 "More queries at a time are refused; 0: no limit of this plugin's.");
    table.custom({"next", "RCODE...", "",
                  "Answers with these go to the next plugin, if that is another forward.",
                  [&](Dispenser& d) { return take_rcodes(d, options.next); }});
    table.flag("failfast_all_unhealthy_upstreams", options.exchanges.failfast,
               "SERVFAIL at once when all upstreams are down, instead of trying one of them.");
    return table;
}

Result<void> take_from(Setup& setup, Name& from) {
    auto& d = setup.tokens();
    if (!d.next_arg()) return d.arg_err();
    const auto zones = normalize_zone(d.val());
    if (!zones)
        return d.err(fmt::format("unable to normalize '{}': {}", d.val(), zones.error().text));
    from = zones->front();
    if (zones->size() > 1) {
        setup.warn(
            fmt::format("Unsupported CIDR notation: '{}' expands to multiple zones. Using "
                        "only '{}'.",
                        d.val(), from.str()));
    }
    return {};
}

Result<void> take_to(Setup& setup, std::vector<forward::To>& to) {
    auto& d = setup.tokens();
    const auto words = d.remaining_tokens();
    if (words.empty()) return d.arg_err();
    for (const auto& word : words) {
        const auto found = forward::parse_to(word.text, setup.path(word.text));
        if (!found) return parse_error(word.at, found.error().text);
        to.insert(to.end(), found->begin(), found->end());
    }
    if (to.size() > kMostTo) {
        return d.err(fmt::format("more than {} TOs configured: {}", kMostTo, to.size()));
    }
    return {};
}

}  // namespace

Result<void> setup_forward(Setup& setup) {
    auto& d = setup.tokens();
    while (d.next()) {
        Parsed parsed;
        auto& options = parsed.options;
        auto& upstreams = options.exchanges.upstreams;
        if (auto done = take_from(setup, options.from); !done) return done;
        if (auto done = take_to(setup, upstreams.to); !done) return done;
        if (auto done = option_table(setup, parsed).read_block(d); !done) return done;
        auto found = forward::look_up_hosts(upstreams.to, parsed.resolvers);
        if (!found) return setup.error(found.error().text);
        upstreams.to = std::move(*found);
        if (auto done = make_tls(setup, parsed, upstreams); !done) return done;
        if (upstreams.source) {
            for (const auto& to : upstreams.to) {
                if (to.at.ip.family() == upstreams.source->family()) continue;
                return setup.error(fmt::format("source_address {} cannot reach {}",
                                               upstreams.source->str(), to.str()));
            }
        }
        upstreams.policy = static_cast<forward::Policy>(parsed.policy);
        upstreams.expire = rounded_up(parsed.expire);
        upstreams.force_tcp = options.exchanges.force_tcp;
        upstreams.metrics = &setup.metrics();
        options.exchanges.read_timeout = rounded_up(parsed.read_timeout);
        options.exchanges.broken = &setup.metrics().counter(
            "coredns_forward_healthcheck_broken_total", "Queries that met no healthy upstream.");
        options.rejects = &setup.metrics().counter(
            "coredns_forward_max_concurrent_rejects_total",
            "Queries that were refused because too many were being forwarded.");
        const auto dropped = [&](const char* why) {
            return &setup.metrics().counter("coredns_forward_dropped_records_total",
                                            "Records that were taken out of upstreams' answers.",
                                            {{"reason", why}});
        };
        options.foreign = dropped("foreign");
        options.rebinds = dropped("private_address");
        setup.add(std::make_unique<Forward>(std::move(options)));
    }
    return {};
}

}  // namespace ipref::resolver
