// SPDX-License-Identifier: GPL-2.0-or-later
// What the machine itself must offer: TUN devices, forwarding, IPv6, buffers, the time.
#include <cerrno>
#include <charconv>
#include <cstring>

#include "gw/admin/doctor/finding.h"

namespace ipref::gw::admin {

namespace {

constexpr uint32_t kBuffer = 1 << 20;       // what lasts for some milliseconds at 1 Gb/s
constexpr int64_t kNotBefore = 1735689600;  // 2025: this program is younger

std::optional<uint32_t> number(Outside& outside, const std::string& path) {
    const auto text = outside.read(path);
    if (!text) return std::nullopt;
    uint32_t value = 0;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
    if (error != std::errc()) return std::nullopt;
    return value;
}

/// "net.ipv4.ip_forward" as the file that has it.
std::string file_of(std::string name) {
    for (auto& c : name) {
        if (c == '.') c = '/';
    }
    return "/proc/sys/" + name;
}

std::string sysctl(const std::string& name, uint32_t value) {
    return fmt::format("sysctl -w {}={}", name, value);
}

void check_forwarding_of(std::string_view family, const std::string& name, Outside& outside,
                         Findings& found) {
    const auto value = number(outside, file_of(name));
    if (!value) {
        found.push_back({Level::warn, "forwarding",
                         fmt::format("{} cannot be read: whether {} packets are forwarded is not "
                                     "known",
                                     file_of(name), family)});
    } else if (*value == 0) {
        found.push_back({Level::fail,
                         "forwarding",
                         fmt::format("{} packets are not forwarded between the local network and "
                                     "the tunnel",
                                     family),
                         {sysctl(name, 1)}});
    } else {
        found.push_back({Level::ok, "forwarding", fmt::format("{} packets are forwarded", family)});
    }
}

}  // namespace

bool Situation::uses(net::Family family) const {
    for (const auto& net : encode_nets) {
        if (net.family() == family) return true;
    }
    for (const auto& bind : binds) {
        if (bind.family() == family) return true;
    }
    return false;
}

Findings check_user(const Situation& situation, Outside&) {
    if (situation.root) return {};
    return {{Level::warn,
             "user",
             "not root: what only root may see looks broken below, or is left out",
             {"sudo ipref-gw doctor"}}};
}

Findings check_tun(const Situation& situation, Outside& outside) {
    const std::string path = "/dev/net/tun";
    switch (const int error = outside.open(path)) {
        case 0:
            return {{Level::ok, "tun", path + " can be opened"}};
        case ENOENT:
            return {{Level::fail,
                     "tun",
                     path + " is not there: no TUN device can be made",
                     {"modprobe tun", "mkdir -p /dev/net", "mknod /dev/net/tun c 10 200"}}};
        case ENODEV:
        case ENXIO:
            return {{Level::fail,
                     "tun",
                     path + " is there, but the kernel has no TUN driver loaded",
                     {"modprobe tun"}}};
        case EACCES:
            if (!situation.root) return {};
            [[fallthrough]];
        case EPERM:
            return {{Level::fail,
                     "tun",
                     fmt::format("{} cannot be opened: {}; in a container, give it the device",
                                 path, strerror(error)),
                     {"chmod 0666 /dev/net/tun"}}};
        default:
            return {{Level::fail, "tun",
                     fmt::format("{} cannot be opened: {}", path, strerror(error))}};
    }
}

Findings check_forwarding(const Situation& situation, Outside& outside) {
    Findings found;
    // What is forwarded are the local hosts' packets: the tunnel is the gateway's own.
    for (const auto& net : situation.encode_nets) {
        if (net.ip().is_v4()) {
            check_forwarding_of("IPv4", "net.ipv4.ip_forward", outside, found);
        } else {
            check_forwarding_of("IPv6", "net.ipv6.conf.all.forwarding", outside, found);
        }
    }
    return found;
}

Findings check_reverse_path(const Situation& situation, Outside& outside) {
    const auto tun = situation.tun();
    if (tun.empty()) return {};
    // The kernel takes the larger of the two; 1 is strict, 2 loose.
    const auto all = number(outside, file_of("net.ipv4.conf.all.rp_filter"));
    const auto own = number(outside, "/proc/sys/net/ipv4/conf/" + tun + "/rp_filter");
    if (!all || !own) return {};
    if (std::max(*all, *own) != 1) {
        return {{Level::ok, "rp_filter", "no strict reverse-path filter on " + tun}};
    }
    return {{Level::warn,
             "rp_filter",
             fmt::format("the strict reverse-path filter on {} drops packets of remote hosts whose "
                         "way back leads elsewhere",
                         tun),
             {fmt::format("sysctl -w net/ipv4/conf/{}/rp_filter=2", tun)}}};
}

Findings check_ipv6(const Situation& situation, Outside& outside) {
    if (!situation.uses(net::Family::v6)) return {};
    const std::string all = "net.ipv6.conf.all.disable_ipv6";
    const auto off = number(outside, file_of(all));
    if (!off) {
        return {{Level::fail, "ipv6",
                 "the kernel has no IPv6 (started with ipv6.disable=1?), which this gateway is to "
                 "use"}};
    }
    if (*off != 0) {
        return {{Level::fail, "ipv6", "IPv6 is switched off on all interfaces", {sysctl(all, 0)}}};
    }
    const auto tun = situation.tun();
    const auto path = "net/ipv6/conf/" + tun + "/disable_ipv6";
    if (!tun.empty() && number(outside, "/proc/sys/" + path).value_or(0) != 0) {
        return {{Level::fail,
                 "ipv6",
                 "IPv6 is switched off on " + tun,
                 {fmt::format("sysctl -w {}=0", path)}}};
    }
    return {{Level::ok, "ipv6", "IPv6 is on"}};
}

Findings check_buffers(const Situation&, Outside& outside) {
    const std::string name = "net.core.rmem_max";
    const auto most = number(outside, file_of(name));
    if (!most) return {};
    if (*most >= kBuffer) {
        return {{Level::ok, "buffers", fmt::format("{} allows sockets {} bytes", name, *most)}};
    }
    return {
        {Level::warn,
         "buffers",
         fmt::format("{} is {} bytes: without CAP_NET_ADMIN the tunnel's sockets lose datagrams "
                     "in bursts",
                     name, *most),
         {sysctl(name, 7 * kBuffer)}}};
}

Findings check_clock(const Situation&, Outside& outside) {
    const auto clock = outside.clock();
    if (clock.seconds < kNotBefore) {
        return {{Level::fail,
                 "clock",
                 "the clock stands before 2025: lifetimes of mappings will be wrong when it is set",
                 {"timedatectl set-ntp true"}}};
    }
    if (!clock.synchronised) {
        return {{Level::warn,
                 "clock",
                 "nothing keeps the clock right: a jump ends mappings early or late",
                 {"timedatectl set-ntp true"}}};
    }
    return {{Level::ok, "clock", "the clock is synchronised"}};
}

}  // namespace ipref::gw::admin
