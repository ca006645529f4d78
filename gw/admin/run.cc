// SPDX-License-Identifier: GPL-2.0-or-later
// Commands that ask a question or two and print the answer.
#include "gw/admin/command.h"
#include "gw/admin/show.h"

namespace ipref::gw::admin {

namespace {

Answer<proto::Counters> counters(const Common& common) {
    proto::Frame request;
    request.mutable_counters_request();
    auto answer = ask_once(common.mapper_socket, std::move(request));
    if (!answer) return tl::unexpected(answer.error());
    return std::move(*answer->mutable_counters());
}

/// One of the two commands that show the counters.
int show_counters(const std::vector<std::string>& arguments, std::string_view command,
                  std::string_view summary, std::string (*text)(const proto::Counters&),
                  std::string (*json)(const proto::Counters&)) {
    Common common;
    if (const auto ended = read_options(flags_of(command, summary, common), arguments)) {
        return *ended;
    }
    const auto found = counters(common);
    if (!found) return ended_by(found.error());
    return print(common.json ? json(*found) : text(*found));
}

}  // namespace

int run_status(const std::vector<std::string>& arguments) {
    Common common;
    const auto flags =
        flags_of("status",
                 "Says whether the gateway is well, and what it serves. Exit status 0: healthy, 1: "
                 "degraded, 3: it does not run or does not answer.",
                 common);
    if (const auto ended = read_options(flags, arguments)) return *ended;
    const auto found = ask_status(common.mapper_socket);
    if (!found) return ended_by(found.error());
    const int printed = print(common.json ? status_json(*found) : status_text(*found));
    return printed != exit_ok ? printed : status_exit(*found);
}

int run_peers(const std::vector<std::string>& arguments) {
    Common common;
    const auto flags =
        flags_of("peers",
                 "Lists other gateways: the port they send from (learnt, or the default until they "
                 "are heard), the path MTU that the network has told, and traffic.",
                 common);
    if (const auto ended = read_options(flags, arguments)) return *ended;
    const auto found = ask_peers(common.mapper_socket);
    if (!found) return ended_by(found.error());
    return print(common.json ? peers_json(*found) : peers_text(*found));
}

int run_counters(const std::vector<std::string>& arguments) {
    return show_counters(arguments, "counters", "Counts of packets and bytes since the start.",
                         counters_text, counters_json);
}

int run_drops(const std::vector<std::string>& arguments) {
    return show_counters(arguments, "drops",
                         "Packets that were dropped since the start, by reason.", drops_text,
                         drops_json);
}

}  // namespace ipref::gw::admin
