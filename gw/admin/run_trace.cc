// SPDX-License-Identifier: GPL-2.0-or-later
// The command lines of `ipref-gw trace` and `ipref-gw capture`.
#include <fmt/core.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <memory>

#include "common/run/version.h"
#include "common/wire/mapper_frame.h"
#include "gw/admin/command.h"
#include "gw/admin/trace.h"

namespace ipref::gw::admin {

namespace {

constexpr Milliseconds kTurn{200};  // after which a signal is noticed at the latest

volatile std::sig_atomic_t stopped = 0;

/// SIGINT and SIGTERM end it in good order; a system call that waits returns.
void stop_on_signals() {
    struct sigaction action {};
    action.sa_handler = [](int) { stopped = 1; };
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) ::sigaction(number, &action, nullptr);
    (void)std::signal(SIGPIPE, SIG_IGN);
}

struct Wanted {
    Common common;
    proto::TraceRequest request;
    uint32_t count = 0;
    uint32_t snap = 0;
    std::string file;
};

void add_filters(run::Flags& flags, Wanted& wanted) {
    flags.add({"host", "IP", "", "only of this host: an encoded address, or a local one.",
               [&wanted](std::string_view text) -> Result<void> {
                   const auto ip = net::Ip::parse(text);
                   if (!ip) return tl::unexpected(ip.error());
                   wanted.request.set_host(wire::bytes_of(*ip));
                   return {};
               }});
    flags.add({"peer", "IP", "", "only of this other gateway.",
               [&wanted](std::string_view text) -> Result<void> {
                   const auto ip = net::Ip::parse(text);
                   if (!ip) return tl::unexpected(ip.error());
                   wanted.request.set_peer(wire::bytes_of(*ip));
                   return {};
               }});
    flags.number("count", wanted.count, 0, UINT32_MAX, "end after so many; 0: go on.");
}

/// Calls `take` with each frame of events until a signal comes or it says that it is enough.
template <typename Take>
Answer<void> subscribe(Client& client, const proto::TraceRequest& wanted, Take take) {
    proto::Frame request;
    *request.mutable_trace_request() = wanted;
    auto first = client.ask(std::move(request));
    if (!first) return tl::unexpected(first.error());
    if (!take(first->trace_events())) return {};
    while (stopped == 0) {
        const auto frame = client.next(kTurn);
        if (!frame) return tl::unexpected(frame.error());
        if (*frame && !take((*frame)->trace_events())) return {};
    }
    return {};
}

int trace(Wanted& wanted) {
    auto client = Client::connect(wanted.common.mapper_socket);
    if (!client) return ended_by(client.error());
    const bool json = wanted.common.json;
    uint64_t shown = 0;
    bool written = true;
    const auto take = [&](const proto::TraceEvents& events) {
        std::string text;
        for (const auto& event : events.events()) {
            if (wanted.count != 0 && shown == wanted.count) break;
            shown++;
            text += json ? trace_json(event) : trace_text(event);
        }
        if (events.missed() > 0) {
            text += json ? missed_json(events.missed()) : missed_text(events.missed());
        }
        written = print(text) == exit_ok;
        return written && (wanted.count == 0 || shown < wanted.count);
    };
    stop_on_signals();
    const auto ended = subscribe(*client, wanted.request, take);
    if (!written) return exit_failed;
    return ended ? exit_ok : ended_by(ended.error());
}

/// Our end as the gateway listens there, or is known by.
Answer<TunnelEnd> tunnel_end(Client& client, std::string& tun) {
    proto::Frame request;
    request.mutable_status_request();
    auto answer = client.ask(std::move(request));
    if (!answer) return tl::unexpected(answer.error());
    const auto& status = answer->status();
    TunnelEnd end;
    tun = status.tun();
    end.port = static_cast<uint16_t>(status.gateway_port());
    const auto put = [&end](const std::string& bytes) {
        const auto ip = wire::ip_from(bytes);
        if (ip && !ip->is_zero()) (ip->is_v4() ? end.ip4 : end.ip6) = *ip;
    };
    for (const auto& site : status.sites()) put(site.gateway_pub());
    for (const auto& bind : status.gateway_bind()) put(bind);
    return end;
}

uint64_t now() {
    const auto since = std::chrono::system_clock::now().time_since_epoch();
    return static_cast<uint64_t>(std::chrono::nanoseconds(since).count());
}

/// The file that is written: a frame of events at a time, nothing is held.
class Recording {
  public:
    Recording(std::FILE* file, const TunnelEnd& end) : file_(file), end_(end) {}

    bool write(std::string_view bytes) {
        return std::fwrite(bytes.data(), 1, bytes.size(), file_) == bytes.size();
    }
    bool take(const proto::TraceEvents& events, uint32_t most) {
        missed_ += events.missed();
        all_missed_ += events.missed();
        for (const auto& event : events.events()) {
            if (most != 0 && packets_ == most) break;
            const auto block = pcapng_packet(event, end_, missed_);
            if (block.empty()) continue;
            missed_ = 0;
            packets_++;
            if (!write(block)) return false;
        }
        return std::fflush(file_) == 0;
    }
    uint64_t packets() const { return packets_; }
    uint64_t missed() const { return all_missed_; }

  private:
    std::FILE* file_;
    TunnelEnd end_;
    uint64_t missed_ = 0;  // since the last packet
    uint64_t all_missed_ = 0;
    uint64_t packets_ = 0;
};

Trouble cannot_write(const std::string& file) {
    return {exit_failed, fmt::format("{}: {}", file, strerror(errno))};
}

int capture(Wanted& wanted) {
    auto client = Client::connect(wanted.common.mapper_socket);
    if (!client) return ended_by(client.error());
    std::string tun;
    const auto end = tunnel_end(*client, tun);
    if (!end) return ended_by(end.error());
    const bool standard = wanted.file == "-";
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> owned(
        standard ? nullptr : std::fopen(wanted.file.c_str(), "wbe"), std::fclose);
    if (!standard && !owned) return ended_by(cannot_write(wanted.file));
    Recording recording(standard ? stdout : owned.get(), *end);
    const auto program = fmt::format("ipref-gw {}", run::kRelease);
    bool written = recording.write(pcapng_head(program, tun, wanted.request.snap()));
    stop_on_signals();
    const auto take = [&](const proto::TraceEvents& events) {
        written = written && recording.take(events, wanted.count);
        return written && (wanted.count == 0 || recording.packets() < wanted.count);
    };
    const auto ended = subscribe(*client, wanted.request, take);
    if (written) {
        const bool last = recording.write(pcapng_end(now(), recording.missed()));
        written = last && std::fflush(standard ? stdout : owned.get()) == 0;
    }
    if (!written) return ended_by(cannot_write(wanted.file));
    fmt::print(stderr, "{} packets captured, {} left out\n", recording.packets(),
               recording.missed());
    return ended ? exit_ok : ended_by(ended.error());
}

}  // namespace

int run_trace(const std::vector<std::string>& arguments) {
    Wanted wanted;
    bool drops = false;
    bool mappings = false;
    bool packets = false;
    auto flags = flags_of("trace",
                          "Prints what happens from now on: packets that are dropped, with the "
                          "reason, and mappings that are made and end. What comes too fast is left "
                          "out and counted. Ctrl-C ends it.",
                          wanted.common);
    flags.boolean("drops", drops, "drops only, unless others are asked for as well.");
    flags.boolean("mappings", mappings, "mappings only, likewise.");
    flags.boolean("packets", packets, "packets that pass, on both sides, likewise.");
    add_filters(flags, wanted);
    if (const auto ended = read_options(flags, arguments)) return *ended;
    const bool any = drops || mappings || packets;
    wanted.request.set_drops(drops || !any);
    wanted.request.set_mappings(mappings || !any);
    wanted.request.set_packets(packets);
    return trace(wanted);
}

int run_capture(const std::vector<std::string>& arguments) {
    Wanted wanted;
    wanted.snap = 256;
    auto flags =
        flags_of("capture",
                 "Writes packets of both sides, IP at the TUN and IPREF at the tunnel, into "
                 "a pcapng file; those that are dropped have the reason as their comment. "
                 "Ctrl-C ends it.",
                 wanted.common);
    flags.text("o", "FILE", wanted.file, "file to write; - is standard output.");
    flags.number("snap", wanted.snap, 1, 61440, "bytes of each packet to keep.");
    add_filters(flags, wanted);
    if (const auto ended = read_options(flags, arguments)) return *ended;
    if (wanted.file.empty()) {
        return ended_by({exit_usage, "capture: say where to write with -o FILE"});
    }
    if (wanted.common.json) return ended_by({exit_usage, "capture: a pcapng file is no JSON"});
    wanted.request.set_drops(true);
    wanted.request.set_packets(true);
    wanted.request.set_snap(wanted.snap);
    return capture(wanted);
}

}  // namespace ipref::gw::admin
