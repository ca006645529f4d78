// SPDX-License-Identifier: GPL-2.0-or-later
// What one client of the mapper socket asks, and what it is answered: records in, records out,
// no I/O. One a connection.
#pragma once

#include <mapper.pb.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "common/wire/mapper_frame.h"
#include "common/wire/mapper_v1.h"
#include "gw/broker/agent_reports.h"
#include "gw/broker/broker.h"
#include "gw/broker/request_metrics.h"
#include "gw/mapping/table.h"

namespace ipref::gw {

using Record = std::vector<uint8_t>;

struct Reply {
    Record record;  ///< empty: no answer
    /// Not to be sent before what it tells is on disk.
    bool durable = false;
    /// The answer if the disk refuses; the argument says why.
    std::function<Record(const std::string& why)> refused;
    /// What was malformed, for the log; empty: nothing.
    std::string malformed;
    bool subscribed = false;  ///< what it wants to be told of has changed
    Command command = Command::unknown;
    bool negative = false;  ///< a Failure, or V1's nack
};

/// What all sessions share; outlives them.
struct SessionContext {
    Table& table;
    const BrokerOptions& options;
    const BrokerSources& sources;
    std::function<size_t()> clients;
    /// Connections by what the clients call themselves.
    std::function<std::map<std::string, uint64_t>()> programs;
    std::function<std::string()> problem;  ///< of the store; empty: none
    /// What the agents say of themselves, into a status, in about so many bytes.
    std::function<void(proto::Status&, size_t room)> agents = {};
};

class Session {
  public:
    explicit Session(const SessionContext& context) : context_(context) {}

    Reply take(wire::Bytes record);
    /// Whether it has said hello: who does gets pushes.
    bool greeted() const { return greeted_; }
    const std::string& program() const { return program_; }
    /// As it said hello; with what it told of its sources.
    const std::string& release() const { return release_; }
    const AgentReports& reports() const { return reports_; }
    /// What it wants to be told of, and by which id; nothing set: of nothing.
    const proto::Frame& trace() const { return trace_; }

  private:
    /// A set of hosts on its way in.
    struct Arriving {
        uint64_t batch = 0;
        bool refused = false;  ///< answered already; the rest is swallowed
        std::vector<wire::Host> add;
        std::vector<wire::Host> remove;
    };

    Reply take_v1(wire::Bytes record);
    Reply v1_get_ea(const wire::V1Packet& packet, const wire::V1GetEa& request);
    Reply v1_host_data(const wire::V1Packet& packet, const wire::V1HostData& request);
    Reply v1_host_hash(const wire::V1Packet& packet, const wire::V1HostDataHash& request);

    Reply take_frame(wire::Bytes record);
    Reply answer(Command command, const proto::Frame& request);
    Reply hello(const proto::Frame& request);
    Reply get_encoded(const proto::Frame& request);
    Reply host_data(const proto::Frame& request);
    Reply collect(const proto::Frame& request, Arriving& arriving);
    Reply apply(const proto::Frame& request, const std::string& owner, const Arriving& arriving);
    Reply host_hash(const proto::Frame& request);
    Reply withdraw(const proto::Frame& request);
    Reply admin(const proto::Frame& request);
    Reply subscribe(const proto::Frame& request);
    Reply report(const proto::Frame& request);
    size_t arriving_hosts() const;

    const SessionContext& context_;
    bool greeted_ = false;
    std::string program_;
    std::string release_;
    AgentReports reports_;
    proto::Frame trace_;                        ///< its last TraceRequest
    std::map<std::string, Arriving> arriving_;  ///< by source
};

/// Answers to protobuf requests.
Reply reply_of(const proto::Frame& request, proto::Frame answer, bool durable = false);
Reply failure_of(const proto::Frame& request, proto::Failure::Code code, std::string text);
void put_sites(const MappingConfig& config, google::protobuf::RepeatedPtrField<proto::Site>* out);

/// Status, mappings, peers, counters: session_admin.cc.
proto::Status status_of(const SessionContext& context);
Reply answer_status(const SessionContext& context, const proto::Frame& request);
Reply answer_mappings(const SessionContext& context, const proto::Frame& request);

/// A source's name as an owner, "LOCAL:PUBLIC"; empty for kBadDomain.
constexpr std::string_view kBadDomain =
    "a domain is empty, over 255 bytes, or has a character that is not printable ASCII, or ':'";
std::string source_name(const std::string& local_domain, const std::string& public_domain);
StaticMapping mapping_of(const wire::Host& host);

}  // namespace ipref::gw
