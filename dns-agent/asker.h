// SPDX-License-Identifier: GPL-2.0-or-later
// Asks one server single questions, patiently: over UDP, once more where nothing comes, then over
// TCP, as at once where the answer is cut. So a lost packet and a server that limits its answers
// (RRL) do no harm. With a key, questions are signed (TSIG) and answers must be: over UDP, one that
// is not rightly signed is as good as none.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <tl/expected.hpp>

#include "common/dns/tsig.h"
#include "common/dns/upstream.h"

namespace ipref::agent {

class Asker {
  public:
    /// The whole answer, valid during the call; header and question were checked, nothing behind
    /// them.
    using Outcome = tl::expected<dns::Bytes, std::string>;
    using Callback = std::function<void(Outcome)>;

    /// `timeout`: of one try, of three. `key`: null, or outlives the asker.
    Asker(run::Loop& loop, const net::Endpoint& server, run::Milliseconds timeout,
          const dns::TsigKey* key = nullptr);

    /// Calls back once, never from inside this call; not at all when the asker is gone.
    /// `dnssec`: signatures are wanted, and what a resolver cannot validate as well.
    void ask(const dns::Question& question, bool dnssec, Callback callback);

  private:
    struct Ask;
    void attempt(std::shared_ptr<Ask> ask, dns::Via via);
    void answered(std::shared_ptr<Ask> ask, dns::Via via, const dns::Upstream::Outcome& outcome);
    std::string flaw(Ask& ask, dns::Bytes message) const;

    run::Milliseconds timeout_;
    const dns::TsigKey* key_;
    dns::Upstream upstream_;
};

}  // namespace ipref::agent
