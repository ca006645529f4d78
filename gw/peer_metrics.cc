// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/peer_metrics.h"

#include <algorithm>
#include <chrono>
#include <functional>

#include "common/run/unix_time.h"
#include "gw/datapath/worker_state.h"

namespace ipref::gw {

namespace {

std::string label(const PeerRow& row) {
    return run::label_text({{"peer", row.ip.str()}});
}

}  // namespace

void PeerMetrics::show(const Peers& peers, size_t most) {
    peers_ = &peers;
    most_ = most;
}

void PeerMetrics::write(std::string& out) const {
    if (peers_ == nullptr) return;
    const PeerSeconds now = peer_seconds(std::chrono::steady_clock::now());
    auto rows = peers_->rows(now);
    std::erase_if(rows, [](const PeerRow& row) { return row.last_received == 0; });
    if (rows.size() > most_) {
        std::ranges::nth_element(rows, rows.begin() + static_cast<std::ptrdiff_t>(most_),
                                 std::ranges::greater(), &PeerRow::last_received);
        rows.resize(most_);
    }
    std::ranges::sort(rows, {}, &PeerRow::ip);
    constexpr auto kReceived = "ipref_gw_peer_last_received_timestamp_seconds";
    run::write_family(out, kReceived, "When a remote gateway was heard of last", "gauge");
    const int64_t began = run::unix_time() - now;  // of the peers' clock
    for (const auto& row : rows) {
        run::write_value(out, kReceived, label(row),
                         static_cast<double>(began + row.last_received));
    }
    constexpr auto kChanges = "ipref_gw_peer_port_changes_total";
    run::write_family(out, kChanges, "Times a remote gateway's port changed", "counter");
    for (const auto& row : rows) {
        run::write_value(out, kChanges, label(row), static_cast<double>(row.port_changes));
    }
    constexpr auto kMtu = "ipref_gw_path_mtu_bytes";
    run::write_family(out, kMtu, "Path MTU towards a remote gateway, where one was learnt",
                      "gauge");
    for (const auto& row : rows) {
        if (row.path_mtu != 0) run::write_value(out, kMtu, label(row), row.path_mtu);
    }
}

}  // namespace ipref::gw
