// SPDX-License-Identifier: GPL-2.0-or-later
// The protobuf protocol, proto/mapper.proto.
#include "gw/broker/session.h"

#include <algorithm>
#include <utility>

#include "common/run/version.h"

namespace ipref::gw {

namespace {

using proto::Failure;

constexpr size_t kMostArriving = 64;  // sources of one client whose sets are on their way
constexpr size_t kLongestDomain = 255;
constexpr size_t kLongestProgram = 64;

Failure::Code code_of(Refusal refusal) {
    switch (refusal) {
        case Refusal::family:
            return Failure::FAMILY;
        case Refusal::not_unicast:
            return Failure::NOT_UNICAST;
        case Refusal::limit:
            return Failure::LIMIT;
        case Refusal::exhausted:
            return Failure::EXHAUSTED;
    }
    return Failure::UNSPECIFIED;
}

void refuse(proto::EncodedAddresses::Answer& answer, Failure::Code code, std::string_view text) {
    answer.mutable_failure()->set_code(code);
    answer.mutable_failure()->set_text(std::string(text));
}

void encode(Table& table, const proto::GetEncodedAddresses::Query& query,
            proto::EncodedAddresses::Answer& answer) {
    const auto ipref = wire::ipref_from(query.ipref());
    if (!ipref) return refuse(answer, Failure::BAD_REQUEST, "gw or ref has a wrong length");
    if (query.ea_family() != 0 && query.ea_family() != 4 && query.ea_family() != 6) {
        return refuse(answer, Failure::BAD_REQUEST, "ea_family is neither 0, 4 nor 6");
    }
    const auto family = query.ea_family() == 0
                            ? table.default_ea_family()
                            : std::optional(static_cast<net::Family>(query.ea_family()));
    if (!family) return refuse(answer, Failure::FAMILY, text_of(Refusal::family));
    const auto encoded = table.encode(*ipref, *family);
    if (!encoded) {
        return refuse(answer, code_of(encoded.error()), text_of(encoded.error()));
    }
    answer.set_ea(wire::bytes_of(encoded->ea));
    answer.set_lifetime(encoded->lifetime);
}

Reply ack(const proto::Frame& request, const SetOutcome& outcome) {
    proto::Frame frame;
    frame.mutable_ack()->set_rejected(outcome.rejected);
    for (const auto& reason : outcome.reasons) frame.mutable_ack()->add_reasons(reason);
    return reply_of(request, std::move(frame), true);
}

std::vector<StaticMapping> mappings_of(const std::vector<wire::Host>& hosts) {
    std::vector<StaticMapping> mappings;
    mappings.reserve(hosts.size());
    for (const auto& host : hosts) mappings.push_back(mapping_of(host));
    return mappings;
}

/// False if a host is not well-formed.
bool add_hosts(const google::protobuf::RepeatedPtrField<proto::Host>& from,
               std::vector<wire::Host>& to) {
    for (const auto& item : from) {
        const auto host = wire::host_from(item);
        if (!host) return false;
        to.push_back(*host);
    }
    return true;
}

Command command_of(const proto::Frame& request) {
    switch (request.body_case()) {
        case proto::Frame::kHello:
            return Command::hello;
        case proto::Frame::kGetEncodedAddresses:
            return Command::get_encoded_addresses;
        case proto::Frame::kHostData:
            return Command::host_data;
        case proto::Frame::kHostDataHash:
            return Command::host_data_hash;
        case proto::Frame::kWithdraw:
            return Command::withdraw;
        case proto::Frame::kSourceReport:
            return Command::source_report;
        case proto::Frame::kStatusRequest:
        case proto::Frame::kMappingsRequest:
        case proto::Frame::kPeersRequest:
        case proto::Frame::kCountersRequest:
        case proto::Frame::kTraceRequest:
            return Command::admin;
        default:
            return Command::unknown;
    }
}

/// What a client calls itself and its release, as text that does no harm wherever it is shown.
std::string program_name(const std::string& said) {
    std::string name = said.substr(0, kLongestProgram);
    std::ranges::replace_if(
        name, [](char c) { return c < ' ' || c > '~'; }, '?');
    return name;
}

}  // namespace

Reply reply_of(const proto::Frame& request, proto::Frame answer, bool durable) {
    answer.set_id(request.id());
    auto record = wire::build_frame(std::move(answer));
    if (!record) return failure_of(request, Failure::BAD_REQUEST, record.error().text);
    Reply reply{.record = std::move(*record),
                .durable = durable,
                .refused = {},
                .malformed = {},
                .subscribed = false};
    if (durable) {
        reply.refused = [id = request.id()](const std::string& why) {
            proto::Frame about;
            about.set_id(id);
            return failure_of(about, Failure::STORE, why).record;
        };
    }
    return reply;
}

Reply failure_of(const proto::Frame& request, Failure::Code code, std::string text) {
    proto::Frame frame;
    frame.mutable_failure()->set_code(code);
    frame.mutable_failure()->set_text(std::move(text));
    Reply reply = reply_of(request, std::move(frame));
    reply.negative = true;
    return reply;
}

std::string source_name(const std::string& local_domain, const std::string& public_domain) {
    const auto fits = [](const std::string& name) {
        const auto odd = [](char c) { return c <= ' ' || c > '~' || c == ':'; };
        return !name.empty() && name.size() <= kLongestDomain && std::ranges::none_of(name, odd);
    };
    if (!fits(local_domain) || !fits(public_domain)) return {};
    return local_domain + ":" + public_domain;
}

StaticMapping mapping_of(const wire::Host& host) {
    return {Relation::local, host.ip, host.ipref};
}

void put_sites(const MappingConfig& config, google::protobuf::RepeatedPtrField<proto::Site>* out) {
    for (const auto& net : config.encode_nets) {
        for (const auto& gateway : config.gateways) {
            proto::Site* site = out->Add();
            site->set_encode_net(wire::bytes_of(net.ip()));
            site->set_encode_net_bits(net.bits());
            site->set_gateway_pub(wire::bytes_of(gateway));
        }
    }
}

Reply Session::take(wire::Bytes record) {
    switch (wire::record_kind(record)) {
        case wire::RecordKind::protobuf:
            return take_frame(record);
        case wire::RecordKind::v1:
            return take_v1(record);
        case wire::RecordKind::unknown:
            break;
    }
    Reply reply;
    reply.malformed =
        fmt::format("record of {} bytes is neither a protobuf frame nor V1", record.size());
    return reply;
}

Reply Session::take_frame(wire::Bytes record) {
    const auto frame = wire::parse_frame(record);
    if (!frame) {
        Reply reply = failure_of({}, Failure::BAD_REQUEST, frame.error().text);
        reply.malformed = frame.error().text;
        return reply;
    }
    if (frame->version() != wire::kFrameVersion) {
        return failure_of(*frame, Failure::UNSUPPORTED_VERSION,
                          fmt::format("version {} of the mapper protocol is not known here, "
                                      "{} is",
                                      frame->version(), wire::kFrameVersion));
    }
    const Command command = command_of(*frame);
    Reply reply = answer(command, *frame);
    reply.command = command;
    return reply;
}

Reply Session::answer(Command command, const proto::Frame& request) {
    switch (command) {
        case Command::hello:
            return hello(request);
        case Command::get_encoded_addresses:
            return get_encoded(request);
        case Command::host_data:
            return host_data(request);
        case Command::host_data_hash:
            return host_hash(request);
        case Command::withdraw:
            return withdraw(request);
        case Command::source_report:
            return report(request);
        case Command::admin:
            return admin(request);
        case Command::unknown:
            break;
    }
    return failure_of(request, Failure::BAD_REQUEST,
                      fmt::format("frame {} holds no request that this gateway knows",
                                  static_cast<int>(request.body_case())));
}

Reply Session::hello(const proto::Frame& request) {
    greeted_ = true;
    program_ = program_name(request.hello().program());
    release_ = program_name(request.hello().release());
    proto::Frame frame;
    frame.mutable_hello()->set_program("ipref-gw");
    frame.mutable_hello()->set_release(run::kRelease);
    put_sites(context_.table.config(), frame.mutable_hello()->mutable_sites());
    return reply_of(request, std::move(frame));
}

Reply Session::get_encoded(const proto::Frame& request) {
    const auto& queries = request.get_encoded_addresses().queries();
    if (queries.size() > wire::kFrameItems) {
        return failure_of(request, Failure::BAD_REQUEST,
                          fmt::format("{} queries in one frame, {} are allowed", queries.size(),
                                      wire::kFrameItems));
    }
    proto::Frame frame;
    auto& answers = *frame.mutable_encoded_addresses();
    for (const auto& query : queries) encode(context_.table, query, *answers.add_answers());
    return reply_of(request, std::move(frame), true);
}

size_t Session::arriving_hosts() const {
    size_t hosts = 0;
    for (const auto& [name, set] : arriving_) hosts += set.add.size() + set.remove.size();
    return hosts;
}

Reply Session::host_data(const proto::Frame& request) {
    const auto& data = request.host_data();
    const std::string owner = source_name(data.local_domain(), data.public_domain());
    if (owner.empty()) {
        return failure_of(request, Failure::BAD_REQUEST, std::string(kBadDomain));
    }
    if (!arriving_.contains(owner) && arriving_.size() >= kMostArriving) {
        return failure_of(request, Failure::OVERLOADED, "too many sets on their way at once");
    }
    Arriving& arriving = arriving_[owner];
    if (arriving.batch != data.batch()) {
        arriving = {};
        arriving.batch = data.batch();
    }
    Reply reply;
    if (!arriving.refused) {
        reply = collect(request, arriving);
        arriving.refused = !reply.record.empty();
        if (arriving.refused) arriving.add = arriving.remove = {};
    }
    if (!data.last()) return reply;
    const Arriving whole = std::move(arriving);
    arriving_.erase(owner);
    return whole.refused ? reply : apply(request, owner, whole);
}

// An answer is a refusal.
Reply Session::collect(const proto::Frame& request, Arriving& arriving) {
    const auto& data = request.host_data();
    if (data.add_size() + data.remove_size() > wire::kFrameItems) {
        return failure_of(request, Failure::BAD_REQUEST,
                          fmt::format("more than {} hosts in one frame", wire::kFrameItems));
    }
    if (!data.difference() && data.remove_size() > 0) {
        return failure_of(request, Failure::BAD_REQUEST, "a full set removes nothing");
    }
    if (!add_hosts(data.add(), arriving.add) || !add_hosts(data.remove(), arriving.remove)) {
        return failure_of(request, Failure::BAD_REQUEST, "an address or ref has a wrong length");
    }
    if (arriving_hosts() > context_.options.set_hosts) {
        return failure_of(request, Failure::LIMIT,
                          fmt::format("more than {} hosts", context_.options.set_hosts));
    }
    return {};
}

Reply Session::apply(const proto::Frame& request, const std::string& owner,
                     const Arriving& arriving) {
    const auto& data = request.host_data();
    const OwnerName name{.name = owner, .expires = true, .priority = false};
    if (!data.difference()) {
        if (wire::hash_of(arriving.add) != data.hash()) {
            return failure_of(request, Failure::BAD_REQUEST,
                              "the hash is not that of the hosts that came");
        }
        return ack(request, context_.table.replace(name, mappings_of(arriving.add), data.hash()));
    }
    if (!context_.table.takes_change(owner, data.base_hash())) {
        return failure_of(request, Failure::UNKNOWN_HASH,
                          "the gateway does not hold the set that this changes");
    }
    return ack(request, context_.table.change(name, mappings_of(arriving.add),
                                              mappings_of(arriving.remove), data.hash()));
}

Reply Session::host_hash(const proto::Frame& request) {
    const auto& data = request.host_data_hash();
    const std::string owner = source_name(data.local_domain(), data.public_domain());
    if (!context_.table.confirm(owner, data.hash(), data.count())) {
        return failure_of(request, Failure::UNKNOWN_HASH, "the gateway does not hold this set");
    }
    return ack(request, {});
}

Reply Session::withdraw(const proto::Frame& request) {
    const auto& data = request.withdraw();
    context_.table.withdraw(source_name(data.local_domain(), data.public_domain()));
    return ack(request, {});
}

Reply Session::report(const proto::Frame& request) {
    if (const auto taken = reports_.take(request.source_report(), context_.table.now()); !taken) {
        return failure_of(request, Failure::LIMIT, taken.error().text);
    }
    proto::Frame frame;
    frame.mutable_ack();
    return reply_of(request, std::move(frame));
}

Reply Session::subscribe(const proto::Frame& request) {
    trace_ = request;
    proto::Frame frame;
    frame.mutable_trace_events();
    Reply reply = reply_of(request, std::move(frame));
    reply.subscribed = true;
    return reply;
}

Reply Session::admin(const proto::Frame& request) {
    const auto& sources = context_.sources;
    proto::Frame frame;
    switch (request.body_case()) {
        case proto::Frame::kStatusRequest:
            return answer_status(context_, request);
        case proto::Frame::kMappingsRequest:
            return answer_mappings(context_, request);
        case proto::Frame::kPeersRequest:
            if (!sources.peers) break;
            sources.peers(request.peers_request(), *frame.mutable_peers());
            return reply_of(request, std::move(frame));
        case proto::Frame::kCountersRequest:
            if (!sources.counters) break;
            sources.counters(*frame.mutable_counters());
            return reply_of(request, std::move(frame));
        case proto::Frame::kTraceRequest:
            if (!sources.listen || !sources.happened) break;
            return subscribe(request);
        default:
            break;
    }
    return failure_of(request, Failure::BAD_REQUEST,
                      "this gateway keeps no peers or counters (it runs with -devmode)");
}

}  // namespace ipref::gw
