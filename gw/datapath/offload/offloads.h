// SPDX-License-Identifier: GPL-2.0-or-later
// Which offloads are in use, and why one is not. Set up at start; the workers turn off what proves
// broken, for all of them and for good.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <span>
#include <string>
#include <string_view>

#include "common/net/ip.h"
#include "common/result.h"

namespace ipref::gw {

enum class Offload : uint8_t {
    tun_checksum,  ///< packets from the TUN with checksums still to complete (TUN_F_CSUM)
    tun_tso,       ///< TCP super-packets from the TUN (TUN_F_TSO4, TUN_F_TSO6)
    tun_uso,       ///< UDP super-packets from the TUN (TUN_F_USO4, TUN_F_USO6; Linux 6.2)
    tun_gro_tcp,   ///< TCP super-packets to the TUN
    tun_gro_udp,   ///< UDP super-packets to the TUN (Linux 6.2)
    udp_gso4,      ///< many datagrams in one send to the tunnel (UDP_SEGMENT; Linux 4.18)
    udp_gso6,
    udp_gro4,  ///< many datagrams in one receive from the tunnel (UDP_GRO; Linux 5.0)
    udp_gro6,
};
inline constexpr size_t kOffloads = 9;

struct OffloadInfo {
    Offload offload;
    std::string_view name;    ///< for the log, the option and the metric's label
    std::string_view family;  ///< "4", "6" or "": the metric's other label
};
/// In the order of the enum. Those of both families have the same name.
std::span<const OffloadInfo, kOffloads> offload_table();

inline Offload udp_gso(net::Family family) {
    return family == net::Family::v4 ? Offload::udp_gso4 : Offload::udp_gso6;
}
inline Offload udp_gro(net::Family family) {
    return family == net::Family::v4 ? Offload::udp_gro4 : Offload::udp_gro6;
}

/// Names separated by commas, or "all": as a set of bits by Offload. An error names the word and
/// lists the names.
Result<uint32_t> parse_offloads(std::string_view list);
/// The opposite; "none" for none.
std::string offload_names(uint32_t bits);

/// Any thread.
class Offloads {
  public:
    /// All on but those in `disabled`, bits by Offload.
    explicit Offloads(uint32_t disabled = 0);

    bool on(Offload offload) const {
        return on_[static_cast<size_t>(offload)].load(std::memory_order_relaxed);
    }
    /// What was found at start: not there. Not logged by itself.
    void absent(Offload offload, std::string why);
    /// What broke while in use: logs a warning, once.
    void broken(Offload offload, std::string why);
    /// Why it is off; empty if it is on.
    std::string why_off(Offload offload) const;
    /// For the log at start and for status: "tun-tso, udp-gso on; tun-uso off (this kernel has
    /// none)".
    std::string summary() const;

  private:
    std::array<std::atomic<bool>, kOffloads> on_;
    mutable std::mutex mutex_;
    std::array<std::string, kOffloads> why_;
};

}  // namespace ipref::gw
