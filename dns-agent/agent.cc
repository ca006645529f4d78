// SPDX-License-Identifier: GPL-2.0-or-later
#include "dns-agent/agent.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "common/run/version.h"
#include "dns-agent/mappers.h"
#include "dns-agent/sources_file.h"

namespace ipref::agent {

namespace {

/// Host data matters more than haste: a busy gateway may take its time.
constexpr run::Milliseconds kRequestTimeout{10'000};

void print_line(const std::string& line) {
    std::puts(line.c_str());
    std::fflush(stdout);
}

}  // namespace

Result<std::unique_ptr<Agent>> Agent::make(run::Loop& loop, const Options& options) {
    dns::ResolverOptions resolver_options;
    resolver_options.servers = options.resolvers;
    auto resolver = dns::Resolver::make(loop, resolver_options);
    if (!resolver) return tl::unexpected(resolver.error());
    const auto asked = options.resolvers.empty() ? (*resolver)->servers() : options.resolvers;
    WorldSettings settings{.tsig = options.tsig,
                           .tsig_queries = options.tsig_queries,
                           .local_servers = options.resolvers,
                           .names_path = options.names_path,
                           .anchors = options.anchors,
                           .resolvers = asked,
                           .limits = options.transfer_limits(),
                           .interval = std::chrono::minutes(options.interval_minutes)};
    auto world = std::make_unique<LoopWorld>(loop, std::move(*resolver), std::move(settings));
    std::unique_ptr<Agent> agent(new Agent(loop, options, std::move(world)));
    if (options.metrics) {
        if (auto on = agent->http_.listen(*options.metrics); !on) {
            return tl::unexpected(on.error());
        }
    }
    if (options.notify) {
        auto listener = NotifyListener::make(
            loop, *options.notify, options.tsig ? &*agent->options_.tsig : nullptr, agent->metrics_,
            [self = agent.get()](const auto& zone, const auto& ip) {
                return self->notified(zone, ip);
            });
        if (!listener) return tl::unexpected(listener.error());
        agent->notify_ = std::move(*listener);
    }
    return agent;
}

/// The root asks for the server alone.
Heard Agent::notified(const dns::Name& zone, const net::Ip& from) {
    auto heard = Heard::no_server;
    for (const auto& follower : followers_) {
        const auto& source = follower->source();
        const bool is_server =
            std::any_of(source.servers.begin(), source.servers.end(),
                        [&](const Server& one) { return world_->is_address_of(one, from); });
        if (!is_server) continue;
        if (heard == Heard::no_server) heard = Heard::no_such_zone;
        if (source.public_zone != zone) continue;
        heard = Heard::taken;
        run::log_debug("{}: {} says that the zone has changed", source.str(), from.str());
        follower->notified();
    }
    return heard;
}

Agent::Agent(run::Loop& loop, const Options& options, std::unique_ptr<LoopWorld> world)
    : loop_(loop), options_(options), world_(std::move(world)), http_(loop) {
    mapper_ = make_mapper();
    metrics_.gauge_from("ipref_dns_agent_mapper_connected",
                        "Whether there is a connection to the gateway.", {},
                        [this] { return mapper_->connected() ? 1.0 : 0.0; });
    metrics_
        .gauge("ipref_dns_agent_build_info", "Always 1.",
               {{"version", run::kRelease}, {"commit", run::kCommit}})
        .set(1);
    run::handle_health(http_, metrics_, [this] { return mapper_->connected(); });
    for (const auto& source : options_.sources) {
        followers_.push_back(follow(source));
    }
    if (!options_.sources_path.empty()) {
        watcher_ =
            std::make_unique<run::FileWatcher>(loop_, options_.sources_path, [this] { reload(); });
        tell_reload(true);
    }
}

std::unique_ptr<Follower> Agent::follow(const Source& source) {
    return std::make_unique<Follower>(*world_, *mapper_, metrics_, source, options_.families,
                                      std::chrono::minutes(options_.interval_minutes));
}

void Agent::reload() {
    if (options_.sources_path.empty()) {
        return run::log_info("no file of sources (-sources): there is nothing to read again");
    }
    tell_reload(read_again());
}

/// False: the file is no good, the sources of before stay.
bool Agent::read_again() {
    auto sources = with_sources_file(options_.given_sources, options_.sources_path);
    if (sources) {
        if (auto checked = check_names(options_, *sources); !checked) {
            sources = tl::unexpected(checked.error());
        }
    }
    if (!sources) {
        run::log_error("{}; the sources of before stay", sources.error().text);
        return false;
    }
    if (*sources != options_.sources) adopt(std::move(*sources));
    return true;
}

void Agent::tell_reload(bool good) {
    metrics_
        .gauge("ipref_dns_agent_config_last_reload_successful",
               "Whether the file of sources could be used when it was read last.")
        .set(good ? 1 : 0);
    if (!good) return;
    metrics_
        .gauge("ipref_dns_agent_config_last_reload_success_timestamp_seconds",
               "When it was last read and could be used.")
        .set(static_cast<double>(world_->unix_time()));
}

/// One whose servers alone have changed is followed anew and not withdrawn: what it published
/// stays until the new servers have spoken.
void Agent::adopt(std::vector<Source> sources) {
    forget_retired();
    auto old = std::move(followers_);
    followers_.clear();
    std::vector<Follower*> fresh;
    for (const auto& source : sources) {
        const auto same = std::find_if(old.begin(), old.end(), [&](const auto& one) {
            return one && one->source() == source;
        });
        if (same != old.end()) {
            followers_.push_back(std::move(*same));
            continue;
        }
        const auto named_so = [&](const auto& one) {
            return one && one->source().str() == source.str();
        };
        std::erase_if(old, named_so);
        std::erase_if(retired_, named_so);
        followers_.push_back(follow(source));
        fresh.push_back(followers_.back().get());
    }
    std::erase(old, nullptr);
    run::log_info("sources file {}: {}, {} new or changed, {} given up", options_.sources_path,
                  run::counted(sources.size(), "source"), fresh.size(), old.size());
    for (auto& one : old) {
        retired_.push_back(std::move(one));
        retired_.back()->retire();
    }
    options_.sources = std::move(sources);
    for (auto* one : fresh) one->start();
}

void Agent::forget_retired() {
    std::erase_if(retired_, [](const auto& one) { return one->is_over(); });
}

Agent::~Agent() = default;

std::unique_ptr<Mapper> Agent::make_mapper() {
    if (options_.devmode) return std::make_unique<PrintingMapper>(print_line);
    mapper::ClientOptions client;
    client.path = options_.mapper_path;
    client.program = "ipref-dns-agent";
    client.protocol = options_.protocol;
    client.request_timeout = kRequestTimeout;
    client.v1_ea = options_.families.ea;
    client.v1_gw = options_.families.gw;
    mapper::ClientEvents events;
    events.connected = [this](const mapper::Server& server) { connected(server); };
    events.lost = [](const std::string& why) {
        run::log_warning("mapper: not connected: {}; trying again", why);
    };
    events.ignored = [this](const std::string& why) {
        uint64_t suppressed = 0;
        if (!ignored_limit_.allow(std::chrono::steady_clock::now(), suppressed)) return;
        run::log_warning("mapper: a record was left out: {} ({} more before)", why, suppressed);
    };
    return std::make_unique<ClientMapper>(loop_, client, events);
}

void Agent::connected(const mapper::Server& server) {
    if (server.protocol == mapper::Protocol::v1) {
        run::log_info("mapper: connected to {}, protocol V1{}{}", options_.mapper_path,
                      server.note.empty() ? "" : ": ", server.note);
    } else {
        run::log_info("mapper: connected to {}, {} {}", options_.mapper_path, server.program,
                      server.release);
    }
    for (const auto& follower : followers_) follower->connected();
    forget_retired();
    for (const auto& follower : retired_) follower->connected();
}

void Agent::start() {
    if (followers_.empty()) {
        run::log_info("no source given: client mode, nothing is published");
    }
    for (const auto& follower : followers_) follower->start();
}

}  // namespace ipref::agent
