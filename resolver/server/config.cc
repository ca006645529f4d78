// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/server/config.h"

#include <algorithm>
#include <set>
#include <thread>

#include "common/net/private_networks.h"

namespace ipref::resolver {

const std::string_view kDefaultCorefile = ". {\n    whoami\n    log\n}\n";

namespace {

constexpr size_t kMostHandlers = 64;  // a bit each in a query's watchers

std::optional<std::string> check_directive(const std::string& name) {
    if (find_plugin(name) != nullptr) return std::nullopt;
    if (name.ends_with('{') && find_plugin(name.substr(0, name.size() - 1)) != nullptr) {
        return ": put a blank before the brace";
    }
    if (name == "proxy") return ": CoreDNS has replaced it by 'forward'";
    std::vector<std::string> known = {"import"};
    for (const auto& row : plugin_order()) known.emplace_back(row.name);
    const auto hint = nearest_word(name, known);
    return hint.empty() ? "" : fmt::format(", is it '{}'?", hint);
}

Error in_plugin(std::string_view plugin, const Error& error) {
    const auto prefix = fmt::format("plugin/{}: ", plugin);
    return {error.text.starts_with(prefix) ? error.text : prefix + error.text};
}

class Builder {
  public:
    explicit Builder(const ConfigOptions& options) : options_(options) {
        out_->metrics = options.metrics;
    }

    Result<std::shared_ptr<Config>> build(std::string_view text) {
        auto file = parse_corefile(text, options_.name, options_.sources, check_directive);
        if (!file) return tl::unexpected(file.error());
        if (file->blocks.empty()) {
            auto fallback =
                parse_corefile(kDefaultCorefile, options_.name, options_.sources, check_directive);
            fallback->text = file->text;
            fallback->warnings = file->warnings;
            file = std::move(fallback);
        }
        out_->warnings = file->warnings;
        out_->text = file->text;
        if (auto keys = all_keys(*file); !keys) return tl::unexpected(keys.error());
        for (size_t i = 0; i < file->blocks.size(); i++) {
            if (auto set = set_up(file->blocks[i], *out_->blocks[i]); !set) {
                return tl::unexpected(set.error());
            }
        }
        for (const auto& block : out_->blocks) {
            if (auto added = add_listeners(*block); !added) return tl::unexpected(added.error());
        }
        out_->workers = workers();
        if (auto checked = check_ports(); !checked) return tl::unexpected(checked.error());
        warn_of_overlap();
        warn_of_plain();
        for (const auto& block : out_->blocks) warn_of_strangers(*block);
        std::sort(out_->zone_lines.begin(), out_->zone_lines.end());
        return std::move(out_);
    }

  private:
    Result<void> all_keys(const Corefile& file) {
        for (const auto& parsed : file.blocks) {
            auto block = std::make_unique<Block>();
            for (const auto& token : parsed.keys) {
                auto keys = parse_key(token, options_.dns_port);
                if (!keys) return tl::unexpected(keys.error());
                for (auto& key : *keys) {
                    if (key.transport == "quic" || key.transport == "grpc") {
                        return not_built_in(key);
                    }
                    block->keys.push_back(std::move(key));
                }
            }
            out_->blocks.push_back(std::move(block));
        }
        return {};
    }

    static Result<void> not_built_in(const ZoneKey& key) {
        return fail(
            "{} - '{}': {}:// listeners are not built into this server: remove this key, or use "
            "tls:// or https://",
            key.at.str(), key.str(), key.transport);
    }

    Result<void> set_up(const ServerBlock& parsed, Block& block) {
        block.has_plugins = !parsed.directives.empty();
        if (!block.has_plugins) warn_of_nothing(parsed);
        for (const auto& row : plugin_order()) {
            const auto* directive = parsed.find(row.name);
            if (directive == nullptr) continue;
            const auto& at = directive->tokens.front().at;
            if (row.setup == nullptr) {
                auto why = fmt::format(
                    "{} - plugin '{}' is known to CoreDNS but not built into this server: {}",
                    at.str(), row.name, row.why);
                if (!options_.lenient) return fail("{}; -lenient leaves it out", why);
                out_->warnings.push_back(std::move(why) + "; left out (-lenient)");
                continue;
            }
            Setup setup(row.name, Dispenser(directive->tokens, parsed.end), block.keys,
                        block.settings, block.chain, out_->warnings, out_->process,
                        *options_.metrics);
            block.plugins.push_back(row.name);
            if (auto done = row.setup(setup); !done) {
                return tl::unexpected(in_plugin(row.name, done.error()));
            }
        }
        if (block.chain.size() > kMostHandlers) {
            return fail("{} - a server block has room for {} plugins, this one has {}",
                        block.keys.front().at.str(), kMostHandlers, block.chain.size());
        }
        for (const auto& handler : block.chain.handlers()) {
            if (auto linked = handler->link(block.chain); !linked) {
                return tl::unexpected(in_plugin(handler->name(), linked.error()));
            }
            block.other_classes |= handler->interest().other_classes;
            block.notify |= handler->interest().notify;
        }
        return {};
    }

    Result<void> add_listeners(Block& block) {
        const auto& bind = block.settings.bind;
        for (const auto& key : block.keys) {
            if (auto checked = check_overlap(key, bind.empty()); !checked) return checked;
            if (bind.empty()) {
                add_line(block, key, "");
                for (const auto family : {net::Family::v4, net::Family::v6}) {
                    if (auto added = add(key, net::Ip::any(family), block); !added) return added;
                }
            }
            for (const auto& ip : bind) {
                add_line(block, key, fmt::format(" on {}", ip.str()));
                if (auto added = add(key, ip, block); !added) return added;
            }
        }
        return {};
    }

    /// Once for all views of a zone; once a socket if the first block of its listener has plugin
    /// multisocket.
    void add_line(const Block& block, const ZoneKey& key, const std::string& where) {
        auto& lines = out_->zone_lines;
        const auto line = key.str() + where;
        const auto listener = fmt::format("{}:{}{}", key.transport, key.port, where);
        const unsigned sockets =
            line_copies_.emplace(listener, std::max(block.settings.sockets, 1U)).first->second;
        if (std::find(lines.begin(), lines.end(), line) != lines.end()) return;
        lines.insert(lines.end(), sockets, line);
    }

    Result<void> add(const ZoneKey& key, const net::Ip& ip, Block& block) {
        auto& routes = out_->listeners[ListenAddress{key.transport, {ip, key.port}}];
        const net::Endpoint at{ip, key.port};
        for (const auto& handler : block.chain.handlers()) {
            if (routes.refusals == nullptr && handler->interest().refusals) {
                routes.refusals = handler.get();
            }
        }
        routes.server = fmt::format("{}://{}", key.transport,
                                    ip.is_zero() ? fmt::format(":{}", key.port) : at.str());
        if (block.settings.tls) routes.tls = block.settings.tls;
        if (block.settings.times) routes.times = block.settings.times;
        if (routes.add(key.zone, block)) return {};
        return fail("{} - cannot serve {} - it is already defined{}", key.at.str(), key.full(),
                    block.settings.filter == nullptr
                        ? ""
                        : "; blocks that have a view stand before the one that has none");
    }

    /// The same zone and port, once bound to addresses and once to all of them.
    Result<void> check_overlap(const ZoneKey& key, bool everywhere) {
        auto& seen = served_[key.full()];
        const auto other = everywhere ? seen.bound : seen.everywhere;
        (everywhere ? seen.everywhere : seen.bound) = true;
        if (!other) return {};
        return fail("{} - cannot serve {} - zone overlap listener capacity with the block that {}",
                    key.at.str(), key.full(),
                    everywhere ? "is bound to an address" : "is bound to every address");
    }

    /// One a CPU that this process may use, unless plugin multisocket says otherwise.
    unsigned workers() const {
        unsigned wanted = 0;
        for (const auto& block : out_->blocks) wanted = std::max(wanted, block->settings.sockets);
        if (wanted == 0) wanted = std::thread::hardware_concurrency();
        return std::clamp(wanted, 1U, kMostWorkers);
    }

    /// A TCP port speaks one protocol.
    Result<void> check_ports() {
        std::map<net::Endpoint, std::string> seen;
        for (const auto& [address, routes] : out_->listeners) {
            const auto [at, fresh] = seen.emplace(address.at, address.transport);
            if (fresh || at->second == address.transport) continue;
            return fail("{}: {}:// and {}:// cannot share a port: give one of them another",
                        address.at.str(), at->second, address.transport);
        }
        return {};
    }

    /// CoreDNS takes it as well, and then `forward . 192.0.2.1` without a block is three zones.
    void warn_of_nothing(const ServerBlock& parsed) {
        std::vector<std::string_view> zones;
        for (const auto& key : parsed.keys) zones.push_back(key.text);
        out_->warnings.push_back(fmt::format(
            "{} - no plugin answers for {}: write ZONES {{, then a plugin a line, then }}",
            parsed.keys.front().at.str(), fmt::join(zones, ", ")));
    }

    /// As CoreDNS: without a certificate there is no encryption. Proxies want it so.
    void warn_of_plain() {
        std::set<std::string> told;
        for (const auto& [address, routes] : out_->listeners) {
            if (address.transport == "dns" || routes.tls || !told.insert(routes.server).second) {
                continue;
            }
            out_->warnings.push_back(fmt::format(
                "{} has no plugin tls: it is served without encryption", routes.server));
        }
    }

    /// As CoreDNS, it answers everybody; but who asks other servers for strangers is used for
    /// attacks.
    void warn_of_strangers(const Block& block) {
        const auto has = [&](std::string_view name) {
            return std::ranges::find(block.plugins, name) != block.plugins.end();
        };
        const auto& bind = block.settings.bind;
        const bool near = !bind.empty() && std::ranges::all_of(bind, net::is_private);
        const bool judges = has("acl") || block.settings.filter != nullptr;
        if (near || judges || !(has("forward") || has("ipref"))) return;
        const auto& key = block.keys.front();
        out_->warnings.push_back(
            fmt::format("{} - {} asks other servers for whoever can reach it: say who may with "
                        "plugin acl, or bind it to addresses of your network",
                        key.at.str(), key.str()));
    }

    void warn_of_overlap() {
        std::set<uint16_t> all;
        std::set<uint16_t> some;
        for (const auto& [address, routes] : out_->listeners) {
            (address.at.ip.is_zero() ? all : some).insert(address.at.port);
        }
        for (const uint16_t port : all) {
            if (!some.contains(port)) continue;
            out_->warnings.push_back(fmt::format(
                "port {} has blocks with and without bind: queries to a bound address meet the "
                "blocks that are bound to it, and no others",
                port));
        }
    }

    struct Served {
        bool everywhere = false;
        bool bound = false;
    };
    const ConfigOptions& options_;
    std::shared_ptr<Config> out_ = std::make_shared<Config>();
    std::map<std::string, Served> served_;
    std::map<std::string, unsigned> line_copies_;  // by listener
};

}  // namespace

run::Counter& panics_counter(run::Metrics& metrics) {
    return metrics.counter("coredns_panics_total", "A metrics that counts the number of panics.");
}

Result<std::shared_ptr<Config>> load_config(std::string_view text, const ConfigOptions& options) {
    return Builder(options).build(text);
}

Result<std::string> config_text(std::string_view text, const ConfigOptions& options) {
    auto file = parse_corefile(text, options.name, options.sources, check_directive);
    if (!file) return tl::unexpected(file.error());
    return std::move(file->text);
}

}  // namespace ipref::resolver
