// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <limits>

#include "common/mapper/dialect.h"
#include "common/run/version.h"
#include "common/wire/mapper_frame.h"

namespace ipref::mapper {

namespace {

/// Leaves room for the frame's own fields.
constexpr size_t kQueryBytes = wire::kFrameLimit - 1024;
constexpr size_t kReasonsKept = 10;
constexpr size_t kLongestError = 300;

Reason reason_of(proto::Failure::Code code) {
    switch (code) {
        case proto::Failure::BAD_REQUEST:
            return Reason::bad_request;
        case proto::Failure::UNKNOWN_HASH:
            return Reason::unknown_hash;
        case proto::Failure::FAMILY:
            return Reason::family;
        case proto::Failure::NOT_UNICAST:
            return Reason::not_unicast;
        case proto::Failure::LIMIT:
            return Reason::limit;
        case proto::Failure::EXHAUSTED:
            return Reason::exhausted;
        case proto::Failure::STORE:
            return Reason::store;
        case proto::Failure::OVERLOADED:
            return Reason::overloaded;
        default:
            return Reason::refused;
    }
}

Failure failure_of(const proto::Failure& failure) {
    const auto reason = reason_of(failure.code());
    return {reason, failure.text().empty() ? fmt::format("the gateway says: {}", name_of(reason))
                                           : failure.text()};
}

Answer answer_of(const proto::EncodedAddresses::Answer& answer) {
    if (answer.has_failure()) return tl::unexpected(failure_of(answer.failure()));
    const auto ea = wire::ip_from(answer.ea());
    if (!ea) return tl::unexpected(Failure{Reason::bad_answer, "the answer holds no address"});
    Encoded encoded{*ea, std::nullopt};
    if (answer.lifetime() != 0) encoded.lifetime = std::chrono::seconds(answer.lifetime());
    return encoded;
}

Dropped dropped_of(const proto::MappingsChanged& changed) {
    Dropped dropped{.all = changed.all(), .iprefs = {}};
    for (const auto& one : changed.dropped()) {
        const auto ipref = wire::ipref_from(one);
        if (!ipref) return {.all = true, .iprefs = {}};  // unreadable: safe is to forget all
        dropped.iprefs.push_back(*ipref);
    }
    if (dropped.all) dropped.iprefs.clear();
    return dropped;
}

Done done_of(const proto::Ack& ack) {
    Done done{.rejected = ack.rejected(), .reasons = {}};
    for (const auto& reason : ack.reasons()) {
        if (done.reasons.size() < kReasonsKept) done.reasons.push_back(reason);
    }
    return done;
}

/// Hosts `from` to at most kFrameItems further of what is added, then removed.
void put_hosts(const Shipment& shipment, size_t from, size_t until, proto::HostData& data) {
    const bool full = shipment.kind == Shipment::Kind::publish;
    const auto& add = full ? shipment.set->hosts : shipment.change.add;
    for (size_t i = from; i < until; i++) {
        const bool adds = i < add.size();
        wire::put_host(adds ? add[i] : shipment.change.remove[i - add.size()],
                       adds ? *data.add_add() : *data.add_remove());
    }
}

template <typename Message>
void put_source(const Source& source, Message& message) {
    message.set_local_domain(source.local_domain);
    message.set_public_domain(source.public_domain);
}

void put_host_data(Shipment& shipment, proto::HostData& data) {
    const bool full = shipment.kind == Shipment::Kind::publish;
    const size_t total = full ? shipment.set->hosts.size()
                              : shipment.change.add.size() + shipment.change.remove.size();
    const size_t until = std::min(total, shipment.position + size_t{wire::kFrameItems});
    put_source(shipment.source, data);
    data.set_batch(shipment.batch);
    data.set_hash(shipment.hash);
    data.set_difference(!full);
    if (!full) data.set_base_hash(shipment.change.base_hash);
    put_hosts(shipment, shipment.position, until, data);
    shipment.position = until;
    shipment.all_sent = until == total;
    data.set_last(shipment.all_sent);
}

/// Errors hold what servers say; strings of protobuf are UTF-8.
std::string plain(const std::string& text) {
    std::string out = text.substr(0, kLongestError);
    std::replace_if(
        out.begin(), out.end(), [](char c) { return c < 0x20 || c >= 0x7f; }, '?');
    return out;
}

void put_report(const SourceReport& report, proto::SourceReport& out) {
    put_source(report.source, out);
    out.set_given_up(report.given_up);
    out.set_hosts(report.hosts);
    out.set_skipped(report.skipped);
    out.set_trouble(plain(report.trouble));
    for (const auto& one : report.servers) {
        auto& server = *out.add_servers();
        server.set_server(plain(one.server));
        if (one.serial) server.set_serial(*one.serial);
        if (one.succeeded_ago) {
            server.set_succeeded_seconds_ago(static_cast<uint64_t>(one.succeeded_ago->count()));
        }
        if (one.next_in) server.set_next_in_seconds(static_cast<uint64_t>(one.next_in->count()));
        server.set_error(plain(one.error));
    }
}

class ProtobufDialect : public Dialect {
  public:
    uint64_t largest_id() const override { return std::numeric_limits<uint64_t>::max(); }
    size_t window() const override { return 0; }

    QueryRecord queries(uint64_t id, std::span<const Query> queries) const override {
        proto::Frame frame;
        frame.set_version(wire::kFrameVersion);
        frame.set_id(id);
        auto& request = *frame.mutable_get_encoded_addresses();
        QueryRecord record;
        size_t bytes = 0;
        for (const auto& query :
             queries.first(std::min<size_t>(queries.size(), wire::kFrameItems))) {
            bytes += query.name.size() + 48;  // more than the other fields take
            if (record.count > 0 && bytes > kQueryBytes) break;
            auto& one = *request.add_queries();
            wire::put_ipref(query.ipref, *one.mutable_ipref());
            one.set_name(query.name);
            one.set_ea_family(static_cast<uint32_t>(query.ea_family));
            record.count++;
        }
        record.bytes = wire::build_frame(frame).value();
        return record;
    }

    Result<std::vector<uint8_t>> next_part(uint64_t id, Shipment& shipment) const override {
        proto::Frame frame;
        frame.set_id(id);
        switch (shipment.kind) {
            case Shipment::Kind::publish:
            case Shipment::Kind::change:
                put_host_data(shipment, *frame.mutable_host_data());
                break;
            case Shipment::Kind::confirm:
                put_source(shipment.source, *frame.mutable_host_data_hash());
                frame.mutable_host_data_hash()->set_hash(shipment.hash);
                frame.mutable_host_data_hash()->set_count(shipment.count);
                shipment.all_sent = true;
                break;
            case Shipment::Kind::withdraw:
                put_source(shipment.source, *frame.mutable_withdraw());
                shipment.all_sent = true;
                break;
        }
        return wire::build_frame(std::move(frame));
    }

    std::vector<uint8_t> report(uint64_t id, const SourceReport& report) const override {
        proto::Frame frame;
        frame.set_id(id);
        put_report(report, *frame.mutable_source_report());
        return wire::build_frame(std::move(frame)).value_or(std::vector<uint8_t>());
    }

    Result<std::optional<Reply>> read(wire::Bytes record) const override {
        const auto frame = wire::parse_frame(record);
        if (!frame) return tl::unexpected(frame.error());
        if (frame->version() != wire::kFrameVersion) {
            return fail("frame of version {}, only {} is known", frame->version(),
                        wire::kFrameVersion);
        }
        Reply reply{.id = frame->id(), .what = {}, .about = {}};
        switch (frame->body_case()) {
            case proto::Frame::kEncodedAddresses: {
                std::vector<Answer> answers;
                for (const auto& answer : frame->encoded_addresses().answers()) {
                    answers.push_back(answer_of(answer));
                }
                reply.what = std::move(answers);
                return reply;
            }
            case proto::Frame::kAck:
                reply.what = done_of(frame->ack());
                return reply;
            case proto::Frame::kFailure:
                reply.what = failure_of(frame->failure());
                return reply;
            case proto::Frame::kMappingsChanged:
                reply.id = 0;
                reply.what = dropped_of(frame->mappings_changed());
                return reply;
            default:
                return std::nullopt;
        }
    }
};

}  // namespace

const Dialect& protobuf_dialect() {
    static const ProtobufDialect dialect;
    return dialect;
}

std::vector<uint8_t> hello_record(uint64_t id, const std::string& program) {
    proto::Frame frame;
    frame.set_id(id);
    frame.mutable_hello()->set_program(program);
    frame.mutable_hello()->set_release(run::kRelease);
    return wire::build_frame(std::move(frame)).value();
}

std::optional<tl::expected<Server, Failure>> read_hello(wire::Bytes record, uint64_t id) {
    if (wire::record_kind(record) != wire::RecordKind::protobuf) return std::nullopt;
    const auto frame = wire::parse_frame(record);
    if (!frame || frame->id() != id) return std::nullopt;
    if (frame->has_failure()) return tl::unexpected(failure_of(frame->failure()));
    if (!frame->has_hello() || frame->version() != wire::kFrameVersion) return std::nullopt;
    Server server;
    server.program = frame->hello().program();
    server.release = frame->hello().release();
    for (const auto& site : frame->hello().sites()) {
        const auto net = wire::ip_from(site.encode_net());
        const auto pub = wire::ip_from(site.gateway_pub());
        if (!net || !pub || site.encode_net_bits() > net->size() * 8) continue;
        server.sites.push_back({net::Cidr(*net, site.encode_net_bits()), *pub});
    }
    return server;
}

}  // namespace ipref::mapper
