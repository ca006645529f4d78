// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/datapath/offload/offloads.h"

#include <algorithm>

#include "common/run/log.h"

namespace ipref::gw {

namespace {

using enum Offload;

constexpr std::array<OffloadInfo, kOffloads> kTable{{
    {tun_checksum, "tun-checksum", ""},
    {tun_tso, "tun-tso", ""},
    {tun_uso, "tun-uso", ""},
    {tun_gro_tcp, "tun-gro-tcp", ""},
    {tun_gro_udp, "tun-gro-udp", ""},
    {udp_gso4, "udp-gso", "4"},
    {udp_gso6, "udp-gso", "6"},
    {udp_gro4, "udp-gro", "4"},
    {udp_gro6, "udp-gro", "6"},
}};

constexpr bool in_order() {
    for (size_t i = 0; i < kTable.size(); i++) {
        if (static_cast<size_t>(kTable[i].offload) != i) return false;
    }
    return true;
}
static_assert(in_order(), "one line for each offload, in the order of the enum");

constexpr uint32_t bit(Offload offload) {
    return 1u << static_cast<unsigned>(offload);
}

uint32_t bits_of(std::string_view name) {
    uint32_t bits = 0;
    for (const auto& info : kTable) {
        if (name == info.name || name == "all") bits |= bit(info.offload);
    }
    return bits;
}

/// As a person calls it.
std::string title(const OffloadInfo& info) {
    return info.family.empty() ? std::string(info.name)
                               : fmt::format("{} of IPv{}", info.name, info.family);
}

}  // namespace

std::span<const OffloadInfo, kOffloads> offload_table() {
    return kTable;
}

std::string offload_names(uint32_t bits) {
    std::string out;
    std::string_view last;
    for (const auto& info : kTable) {
        if ((bits & bit(info.offload)) == 0 || info.name == last) continue;
        out += fmt::format("{}{}", out.empty() ? "" : ",", info.name);
        last = info.name;
    }
    return out.empty() ? "none" : out;
}

Result<uint32_t> parse_offloads(std::string_view list) {
    uint32_t bits = 0;
    while (!list.empty()) {
        const size_t comma = std::min(list.find(','), list.size());
        const auto word = list.substr(0, comma);
        const uint32_t found = bits_of(word);
        if (found == 0) {
            return fail("\"{}\" is no offload; there are: all,{}", word, offload_names(~0u));
        }
        bits |= found;
        list.remove_prefix(std::min(comma + 1, list.size()));
    }
    return bits;
}

Offloads::Offloads(uint32_t disabled) {
    for (size_t i = 0; i < kOffloads; i++) {
        on_[i] = (disabled & 1u << i) == 0;
        if (!on_[i]) why_[i] = "by -disable-offload";
    }
    // The kernel cuts nothing whose checksums it has to leave complete.
    if (!on(tun_checksum)) {
        absent(tun_tso, "needs tun-checksum");
        absent(tun_uso, "needs tun-checksum");
    }
}

void Offloads::absent(Offload offload, std::string why) {
    const std::lock_guard lock(mutex_);
    const auto i = static_cast<size_t>(offload);
    if (on_[i].exchange(false)) why_[i] = std::move(why);
}

void Offloads::broken(Offload offload, std::string why) {
    const auto i = static_cast<size_t>(offload);
    {
        const std::lock_guard lock(mutex_);
        if (!on_[i].exchange(false)) return;
        why_[i] = why;
    }
    run::log_warning("offload {} is off from now on: {}; traffic goes on without it, slower",
                     title(kTable[i]), why);
}

std::string Offloads::why_off(Offload offload) const {
    const std::lock_guard lock(mutex_);
    return on(offload) ? "" : why_[static_cast<size_t>(offload)];
}

std::string Offloads::summary() const {
    std::string in_use;
    std::string off;
    for (const auto& info : kTable) {
        if (on(info.offload)) {
            in_use += fmt::format("{}{}", in_use.empty() ? "" : ", ", title(info));
        } else {
            off += fmt::format("; {} off ({})", title(info), why_off(info.offload));
        }
    }
    return (in_use.empty() ? "none" : in_use + " on") + off;
}

}  // namespace ipref::gw
