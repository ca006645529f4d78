// SPDX-License-Identifier: GPL-2.0-or-later
// The agent's command line. Source: spec "ipref-dns-agent".
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/dns/dnssec.h"
#include "common/dns/transfer.h"
#include "common/dns/tsig.h"
#include "common/mapper/types.h"
#include "common/net/ip.h"
#include "common/result.h"
#include "common/run/flags.h"
#include "common/run/log.h"
#include "dns-agent/match.h"
#include "dns-agent/source.h"

namespace ipref::agent {

struct Options {
    std::string mapper_path = "/run/ipref/mapper.sock";
    mapper::Protocol protocol = mapper::Protocol::automatic;
    uint32_t interval_minutes = 59;
    Families families;
    std::vector<net::Endpoint> resolvers;  ///< empty: the system's
    std::optional<net::Endpoint> metrics;
    std::optional<net::Endpoint> notify;
    std::optional<dns::TsigKey> tsig;
    bool tsig_queries = false;
    uint32_t transfer_megabytes = 256;
    uint32_t transfer_seconds = 600;
    uint32_t transfer_idle_seconds = 30;
    run::LogFormat log_format = run::LogFormat::letter;
    bool debug = false;
    bool time_stamps = false;
    bool devmode = false;
    bool no_sandbox = false;
    bool dnssec = false;
    std::string anchors_path;  ///< empty: the root's
    bool version = false;
    bool check = false;
    bool help = false;
    std::optional<dns::TrustAnchors> anchors;  ///< zones must be signed
    std::string names_path;             ///< what SERVER/query is asked for; empty: LOCAL's names
    std::string sources_path;           ///< empty: no file
    std::vector<Source> given_sources;  ///< on the command line
    std::vector<Source> sources;        ///< those and the file's

    dns::TransferLimits transfer_limits() const;
};

/// The table of options, which writes `to`: for parsing, the usage text and the man page.
run::Flags option_table(Options& to);

/// Arguments without the program's name. Help and version win over mistakes in sources.
Result<Options> parse_options(const std::vector<std::string>& arguments);

/// Whether there is a place to take names from for each server that is asked by queries.
Result<void> check_names(const Options& options, const std::vector<Source>& sources);

/// What -check prints: the settings and sources as they are understood.
std::string summary(const Options& options);

}  // namespace ipref::agent
