// SPDX-License-Identifier: GPL-2.0-or-later
// The order list: every plugin that CoreDNS 1.12.1 knows and those of later releases, and ours
// (cookie, rrl, ipref), in the order in which queries meet them. A row without a setup function is
// known but not built in.

#include "resolver/server/plugin.h"

namespace ipref::resolver {

Result<void> setup_acl(Setup& setup);
Result<void> setup_any(Setup& setup);
Result<void> setup_auto(Setup& setup);
Result<void> setup_autopath(Setup& setup);
Result<void> setup_bind(Setup& setup);
Result<void> setup_bufsize(Setup& setup);
Result<void> setup_cache(Setup& setup);
Result<void> setup_cancel(Setup& setup);
Result<void> setup_chaos(Setup& setup);
Result<void> setup_cookie(Setup& setup);
Result<void> setup_debug(Setup& setup);
Result<void> setup_dns64(Setup& setup);
Result<void> setup_dnssec(Setup& setup);
Result<void> setup_dnstap(Setup& setup);
Result<void> setup_erratic(Setup& setup);
Result<void> setup_errors(Setup& setup);
Result<void> setup_file(Setup& setup);
Result<void> setup_forward(Setup& setup);
Result<void> setup_header(Setup& setup);
Result<void> setup_health(Setup& setup);
Result<void> setup_hosts(Setup& setup);
Result<void> setup_ipref(Setup& setup);
Result<void> setup_loadbalance(Setup& setup);
Result<void> setup_local(Setup& setup);
Result<void> setup_log(Setup& setup);
Result<void> setup_loop(Setup& setup);
Result<void> setup_metadata(Setup& setup);
Result<void> setup_minimal(Setup& setup);
Result<void> setup_multisocket(Setup& setup);
Result<void> setup_nsid(Setup& setup);
Result<void> setup_prometheus(Setup& setup);
Result<void> setup_ready(Setup& setup);
Result<void> setup_reload(Setup& setup);
Result<void> setup_rewrite(Setup& setup);
Result<void> setup_root(Setup& setup);
Result<void> setup_rrl(Setup& setup);
Result<void> setup_secondary(Setup& setup);
Result<void> setup_sign(Setup& setup);
Result<void> setup_template(Setup& setup);
Result<void> setup_timeouts(Setup& setup);
Result<void> setup_tls(Setup& setup);
Result<void> setup_transfer(Setup& setup);
Result<void> setup_tsig(Setup& setup);
Result<void> setup_view(Setup& setup);
Result<void> setup_whoami(Setup& setup);

namespace {

constexpr std::string_view kCloud = "it needs a service that this server does not talk to";
constexpr std::string_view kNiche = "it is not planned";
constexpr std::string_view kTransport = "the limits of plugin timeouts and of the server hold";

constexpr PluginRow kOrder[] = {
    {"root", setup_root},
    {"metadata", setup_metadata},
    {"geoip", nullptr, kNiche},
    {"cancel", setup_cancel},
    {"tls", setup_tls},
    {"proxyproto", nullptr, "clients are known by the address that packets come from"},
    {"quic", nullptr, kTransport},
    {"grpc_server", nullptr, kTransport},
    {"https", nullptr, kTransport},
    {"https3", nullptr, kTransport},
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
    {"dnstap", setup_dnstap},
    {"cookie", setup_cookie},
    {"rrl", setup_rrl},
    {"local", setup_local},
    {"dns64", setup_dns64},
    {"acl", setup_acl},
    {"any", setup_any},
    {"chaos", setup_chaos},
    {"loadbalance", setup_loadbalance},
    {"tsig", setup_tsig},
    {"cache", setup_cache},
    {"rewrite", setup_rewrite},
    {"header", setup_header},
    {"dnssec", setup_dnssec},
    {"autopath", setup_autopath},
    {"minimal", setup_minimal},
    {"template", setup_template},
    {"transfer", setup_transfer},
    {"hosts", setup_hosts},
    {"route53", nullptr, kCloud},
    {"azure", nullptr, kCloud},
    {"clouddns", nullptr, kCloud},
    {"k8s_external", nullptr, kCloud},
    {"kubernetes", nullptr, kCloud},
    {"file", setup_file},
    {"auto", setup_auto},
    {"ipref", setup_ipref},
    {"secondary", setup_secondary},
    {"etcd", nullptr, kCloud},
    {"loop", setup_loop},
    {"forward", setup_forward},
    {"grpc", nullptr, kNiche},
    {"erratic", setup_erratic},
    {"whoami", setup_whoami},
    {"on", nullptr, kNiche},
    {"sign", setup_sign},
    {"view", setup_view},
    {"nomad", nullptr, kCloud},
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
