// SPDX-License-Identifier: GPL-2.0-or-later
// The gateway's command line. Source: spec "ipref-gw", section "Options".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/net/ip.h"
#include "common/net/ref.h"
#include "common/result.h"
#include "common/run/flags.h"
#include "common/run/log.h"

namespace ipref::gw {

/// One tunnel address pair; `bind` and `pub` are of one family.
struct GatewayAddress {
    net::Ip bind;  ///< zero: all addresses
    net::Ip pub;   ///< our context address; zero: whatever the peer sees

    net::Family family() const { return pub.family(); }
};

/// Validated: what holds of every field is what its comment says.
struct Options {
    std::string data = "/var/lib/ipref";
    std::vector<GatewayAddress> gateways;  ///< at least one, one a family
    uint16_t gateway_port = 1045;
    uint16_t remote_gateway_port = 1045;
    uint32_t gateway_ifc_mtu = 0;  ///< 0: that of the interface with the bind address
    net::Ref gateway_ref{0, 1};
    std::vector<net::Cidr> encode_nets;  ///< at least one, at least 13 host bits, one a family
    std::string mapper_socket = "/run/ipref/mapper.sock";
    std::string hosts = "/etc/hosts";
    bool dec_ttl = false;
    uint32_t max_remote_gateways = 1024;
    uint32_t max_local_ips = 1024;
    uint32_t max_buffers = 64;  ///< has no effect
    bool devmode = false;
    run::Topics debug = 0;  ///< with those of -trace and -ticks
    /// Words of -debug. Command lines that were written for other gateways have them: a warning.
    std::vector<std::string> unknown_topics;
    bool time_stamps = false;
    bool no_sandbox = false;
    bool version = false;
    bool check = false;
    std::optional<net::Endpoint> metrics;
    uint32_t metrics_peers = 0;  ///< remote gateways with metrics of their own
    run::LogFormat log_format = run::LogFormat::letter;
    std::string tun;                 ///< empty: the first free tunN
    uint32_t threads = 0;            ///< 0: one per CPU, at most 8
    uint32_t disabled_offloads = 0;  ///< bits by Offload
};

/// What a command line asks for.
struct CommandLine {
    bool help = false;
    Options options;  ///< validated, unless `help` or `options.version`
};

/// The option table, for the parser and the man page. The flags write into `parse_options`'s
/// result while that runs; those of option_table() go nowhere.
run::Flags option_table();

/// Arguments without the program's name. An error is one line for standard error (exit 2).
Result<CommandLine> parse_options(const std::vector<std::string>& arguments);

/// Threads to start: as asked for, else one per CPU that this process may use, at most 8.
unsigned worker_count(const Options& options);

/// What -check prints: one `name value` a line, everything that would be used.
std::string describe(const Options& options);

}  // namespace ipref::gw
