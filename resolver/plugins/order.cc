// SPDX-License-Identifier: GPL-2.0-or-later
// The order list: every plugin that CoreDNS 1.12.1 knows, and ours (cookie, rrl, ipref), in the
// order in which queries meet them. A row without a setup function is known but not built in.

#include "resolver/server/plugin.h"

namespace ipref::resolver {

Result<void> setup_bind(Setup& setup);
Result<void> setup_bufsize(Setup& setup);
Result<void> setup_cache(Setup& setup);
Result<void> setup_cancel(Setup& setup);
Result<void> setup_chaos(Setup& setup);
Result<void> setup_cookie(Setup& setup);
Result<void> setup_debug(Setup& setup);
Result<void> setup_errors(Setup& setup);
Result<void> setup_file(Setup& setup);
Result<void> setup_forward(Setup& setup);
Result<void> setup_health(Setup& setup);
Result<void> setup_ipref(Setup& setup);
Result<void> setup_log(Setup& setup);
Result<void> setup_loop(Setup& setup);
Result<void> setup_multisocket(Setup& setup);
Result<void> setup_nsid(Setup& setup);
Result<void> setup_prometheus(Setup& setup);
Result<void> setup_ready(Setup& setup);
Result<void> setup_reload(Setup& setup);
Result<void> setup_root(Setup& setup);
Result<void> setup_rrl(Setup& setup);
Result<void> setup_timeouts(Setup& setup);
Result<void> setup_tls(Setup& setup);
Result<void> setup_transfer(Setup& setup);
Result<void> setup_whoami(Setup& setup);

namespace {

constexpr std::string_view kLater = "it is planned for a later release";
constexpr std::string_view kCloud = "it needs a service that this server does not talk to";
constexpr std::string_view kNiche = "it is not planned";

constexpr PluginRow kOrder[] = {
    {"root", setup_root},
    {"metadata", nullptr, kLater},
    {"geoip", nullptr, kNiche},
    {"cancel", setup_cancel},
    {"tls", setup_tls},
    {"timeouts", setup_timeouts},
    {"multisocket", setup_multisocket},
    {"reload", setup_reload},
    {"nsid", setup_nsid},
    {"bufsize", setup_bufsize},
    {"bind", setup_bind},
    {"debug", setup_debug},
    {"trace", nullptr, kNiche},
    {"ready", setup_ready},
    {"health", setup_health},
    {"pprof", nullptr, kNiche},
    {"prometheus", setup_prometheus},
    {"errors", setup_errors},
    {"log", setup_log},
    {"dnstap", nullptr, kLater},
    {"cookie", setup_cookie},
    {"rrl", setup_rrl},
    {"local", nullptr, kLater},
    {"dns64", nullptr, kLater},
    {"acl", nullptr, kLater},
    {"any", nullptr, kLater},
    {"chaos", setup_chaos},
    {"loadbalance", nullptr, kLater},
    {"tsig", nullptr, kLater},
    {"cache", setup_cache},
    {"rewrite", nullptr, kLater},
    {"header", nullptr, kLater},
    {"dnssec", nullptr, kLater},
    {"autopath", nullptr, kNiche},
    {"minimal", nullptr, kLater},
    {"template", nullptr, kLater},
    {"transfer", setup_transfer},
    {"hosts", nullptr, kLater},
    {"route53", nullptr, kCloud},
    {"azure", nullptr, kCloud},
    {"clouddns", nullptr, kCloud},
    {"k8s_external", nullptr, kCloud},
    {"kubernetes", nullptr, kCloud},
    {"file", setup_file},
    {"auto", nullptr, kLater},
    {"ipref", setup_ipref},
    {"secondary", nullptr, kLater},
    {"etcd", nullptr, kCloud},
    {"loop", setup_loop},
    {"forward", setup_forward},
    {"grpc", nullptr, kNiche},
    {"erratic", nullptr, kLater},
    {"whoami", setup_whoami},
    {"on", nullptr, kNiche},
    {"sign", nullptr, kLater},
    {"view", nullptr, kLater},
};

}  // namespace

std::span<const PluginRow> plugin_order() {
    return kOrder;
}

const PluginRow* find_plugin(std::string_view name) {
    for (const auto& row : kOrder) {
        if (row.name == name) return &row;
    }
    return nullptr;
}

}  // namespace ipref::resolver
