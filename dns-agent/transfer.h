// SPDX-License-Identifier: GPL-2.0-or-later
// One transfer of a zone's AA records: common/dns/transfer.h with what becomes of the records.
#pragma once

#include <functional>

#include "common/dns/transfer.h"
#include "dns-agent/axfr.h"

namespace ipref::agent {

using TransferTimes = dns::TransferTimes;

class Transfer {
  public:
    using Callback = std::function<void(TransferResult)>;

    /// The callback is called once, from the loop, not from here. Inside it the transfer must not
    /// be destroyed; destroyed before, it never calls.
    Transfer(run::Loop& loop, const net::Endpoint& server, const dns::Name& zone, uint16_t id,
             TransferTimes times, Callback callback)
        : stream_(zone, id),
          callback_(std::move(callback)),
          transfer_(loop, server, stream_.bytes(), stream_.query(), times,
                    [this](const dns::TransferStep& end) {
                        if (end) return callback_(stream_.take());
                        callback_(tl::unexpected(end.error()));
                    }) {}

    bool finished() const { return transfer_.finished(); }

  private:
    AxfrStream stream_;
    Callback callback_;
    dns::Transfer transfer_;
};

}  // namespace ipref::agent
