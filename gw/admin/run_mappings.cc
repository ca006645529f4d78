// SPDX-License-Identifier: GPL-2.0-or-later
// The command line of `ipref-gw mappings`.
#include <cstdio>

#include "common/dns/resolver.h"
#include "common/dns/types.h"
#include "common/wire/mapper_frame.h"
#include "gw/admin/command.h"
#include "gw/admin/mappings.h"

namespace ipref::gw::admin {

namespace {

/// The addresses of a name, as this machine's name servers and hosts file have them.
Result<std::vector<std::string>> look_up(const std::string& text) {
    const auto name = dns::Name::parse(text);
    if (!name) return fail("\"{}\" is neither an address nor a name", text);
    run::Loop loop;
    auto resolver = dns::Resolver::make(loop, {});
    if (!resolver) return tl::unexpected(resolver.error());
    std::vector<std::string> found;
    std::string why;
    int left = 2;
    const auto take = [&](const Result<dns::Answer>& answer) {
        if (!answer) why = answer.error().text;
        for (const auto& ip : answer ? answer->ips() : std::vector<net::Ip>{}) {
            found.push_back(ip.str());
        }
        if (--left == 0) loop.stop();
    };
    (*resolver)->query(*name, dns::rr::kA, take);
    (*resolver)->query(*name, dns::rr::kAaaa, take);
    loop.run();
    if (found.empty() && why.empty()) return fail("{} has no address", text);
    if (found.empty()) return tl::unexpected(Error{why});
    return found;
}

/// Options of the query. -host is looked up last, when all else is right.
void add_options(run::Flags& flags, MappingQuery& query, std::string& host) {
    flags.text("host", "IP|NAME", host,
               "mappings of this host: an encoded address, a local one, or a name that is looked "
               "up here.");
    flags.add({"ref", "REF", "", "mappings with this reference.",
               [&query](std::string_view text) -> Result<void> {
                   const auto ref = net::Ref::parse(text);
                   if (!ref) return tl::unexpected(ref.error());
                   query.ref = wire::bytes_of(*ref);
                   return {};
               }});
    flags.add({"gw", "IP", "", "mappings whose reference is of this gateway.",
               [&query](std::string_view text) -> Result<void> {
                   const auto ip = net::Ip::parse(text);
                   if (!ip) return tl::unexpected(ip.error());
                   query.gw = wire::bytes_of(*ip);
                   return {};
               }});
    flags.text("owner", "NAME", query.owner,
               "mappings of this owner: dynamic, gateway, or a source that `ipref-gw status` "
               "names.");
}

}  // namespace

int run_mappings(const std::vector<std::string>& arguments) {
    Common common;
    MappingQuery query;
    std::string host;
    auto flags = flags_of("mappings",
                          "Lists mappings: encoded addresses of remote hosts, and what our hosts "
                          "are published as. Given several filters, all of them must fit.",
                          common);
    add_options(flags, query, host);
    if (const auto ended = read_options(flags, arguments)) return *ended;
    if (!host.empty()) {
        if (net::Ip::parse(host)) {
            query.hosts = {host};
        } else {
            auto addresses = look_up(host);
            if (!addresses) return ended_by({exit_failed, "-host: " + addresses.error().text});
            query.hosts = std::move(*addresses);
        }
    }
    auto client = Client::connect(common.mapper_socket);
    if (!client) return ended_by(client.error());
    const auto write = [](std::string_view text) {
        return std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
    };
    const auto ask = [&client](proto::Frame frame) { return client->ask(std::move(frame)); };
    if (const auto listed = list_mappings(query, common.json, ask, write); !listed) {
        return ended_by(listed.error());
    }
    return print("");
}

}  // namespace ipref::gw::admin
