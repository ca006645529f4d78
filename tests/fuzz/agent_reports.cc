// SPDX-License-Identifier: GPL-2.0-or-later
// What an agent says about its sources: the input is cut into reports by two-byte lengths. What is
// kept and shown stays bounded, and does nothing to a terminal.
#include <algorithm>
#include <cstdlib>

#include "common/wire/cursor.h"
#include "gw/admin/show.h"
#include "gw/broker/agent_reports.h"

using namespace ipref;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    constexpr size_t kRoom = 60'000;
    gw::AgentReports reports;
    wire::Reader in({data, size});
    gw::Seconds now = 1;
    while (in.left() > 2) {
        const auto bytes = in.take(std::min<size_t>(in.u16(), in.left()));
        proto::SourceReport report;
        if (!report.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) continue;
        (void)reports.take(report, now++);
    }
    proto::Status status;
    status.set_reports_left_out(reports.put(*status.add_agents(), now, kRoom));
    if (status.ByteSizeLong() > kRoom + 1024) std::abort();
    const auto text = gw::admin::status_text(status);
    const auto odd = [](char c) { return (c < ' ' && c != '\n') || c > '~'; };
    if (std::any_of(text.begin(), text.end(), odd)) std::abort();
    if (gw::admin::status_json(status).empty()) std::abort();
    return 0;
}
