// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/admin/show_agents.h"

#include "common/run/log.h"
#include "gw/admin/show.h"
#include "gw/admin/text.h"

namespace ipref::gw::admin {

namespace {

std::string name_of(const proto::SourceReport& source) {
    return source.local_domain() + ":" + source.public_domain();
}

std::string hosts(const proto::SourceReport& source) {
    auto text = std::to_string(source.hosts());
    if (source.skipped() > 0) text += fmt::format(", {} skipped", source.skipped());
    return text;
}

void add_rows(const proto::SourceReport& source, Columns& columns) {
    bool first = true;
    for (const auto& server : source.servers()) {
        columns.add(
            {first ? harmless(name_of(source)) : "", first ? hosts(source) : "",
             harmless(server.server()),
             server.has_serial() ? std::to_string(server.serial()) : "none",
             server.has_succeeded_seconds_ago() ? duration(server.succeeded_seconds_ago()) + " ago"
                                                : "never",
             server.has_next_in_seconds() ? "in " + duration(server.next_in_seconds()) : "now",
             server.error().empty() ? "none" : harmless(server.error())});
        first = false;
    }
}

std::string agent_text(const proto::Status::Agent& agent) {
    auto out = fmt::format("\nagent {}, ipref-dns-agent {}\n", harmless(agent.client()),
                           harmless(agent.release()));
    if (agent.sources().empty()) return out + "it has told of no source\n";
    Columns columns(
        {"source", "hosts", "server", ">serial", ">last success", "next poll", "last error"});
    for (const auto& source : agent.sources()) add_rows(source, columns);
    out += columns.take();
    for (const auto& source : agent.sources()) {
        if (source.trouble().empty()) continue;
        out += fmt::format("{}: {}\n", harmless(name_of(source)), harmless(source.trouble()));
    }
    return out;
}

void put_server(const proto::SourceReport::Server& server, run::Json& json) {
    const auto number = [&](std::string_view name, bool known, uint64_t value) {
        json.key(name);
        known ? json.value(value) : json.null();
    };
    json.open('{').member("server", server.server());
    number("serial", server.has_serial(), server.serial());
    number("succeeded_ago", server.has_succeeded_seconds_ago(), server.succeeded_seconds_ago());
    number("next_in", server.has_next_in_seconds(), server.next_in_seconds());
    json.key("error");
    server.error().empty() ? json.null() : json.value(server.error());
    json.close('}');
}

}  // namespace

std::string agents_text(const proto::Status& status) {
    std::string out;
    for (const auto& agent : status.agents()) out += agent_text(agent);
    if (status.reports_left_out() > 0) {
        out += fmt::format("{} of agents not shown: too many\n",
                           run::counted(status.reports_left_out(), "more source"));
    }
    return out;
}

void put_agent(const proto::Status::Agent& agent, run::Json& json) {
    json.open('{').member("client", agent.client()).member("release", agent.release());
    json.key("sources").open('[');
    for (const auto& source : agent.sources()) {
        json.open('{').member("name", name_of(source)).member("hosts", source.hosts());
        json.member("skipped", source.skipped()).key("trouble");
        source.trouble().empty() ? json.null() : json.value(source.trouble());
        json.key("servers").open('[');
        for (const auto& server : source.servers()) put_server(server, json);
        json.close(']').close('}');
    }
    json.close(']').close('}');
}

}  // namespace ipref::gw::admin
