// SPDX-License-Identifier: GPL-2.0-or-later
// What plugin ipref answers to one question: TXT at the upstream, its AA records, the gateways'
// addresses, the mapper's encoded addresses. Source: spec page "ipref-coredns", sections 1 and 6.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/dns/aa.h"
#include "resolver/plugins/ipref/asker.h"
#include "resolver/plugins/ipref/encoder.h"
#include "resolver/plugins/ipref/memory.h"
#include "resolver/plugins/ipref/outcome.h"

namespace ipref::resolver::aa {

struct AnswererOptions {
    AskerOptions asker;
    mapper::ClientOptions mapper;
    net::Family ea_family = net::Family::v4;
    net::Family gw_family = net::Family::v4;
    bool dnssec = false;  ///< AA records count only if the upstream vouches for them
    uint32_t ttl_most = 0x7fffffff;
    run::Milliseconds mapper_patience{500};  ///< for all addresses of one question
    run::Milliseconds deadline{5'000};       ///< for everything
    size_t most_questions = 10'000;          ///< at a time; more fail at once
};

/// Runs on one run::Loop; not thread-safe.
class Answerer {
  public:
    using Callback = std::function<void(const Outcome&)>;

    Answerer(run::Loop& loop, AnswererOptions options);
    /// Questions that are not answered are dropped; their callbacks are not called.
    ~Answerer();
    Answerer(const Answerer&) = delete;
    Answerer& operator=(const Answerer&) = delete;

    /// `type` is A or AAAA. The callback is called once, never from inside this call. It may ask
    /// again, and may destroy the Answerer.
    void ask(const dns::Name& name, uint16_t type, Callback callback);
    size_t in_flight() const { return questions_.size(); }

    /// An answer that was found out `age` seconds ago: TTLs are that much lower now.
    struct Recalled {
        const Outcome& outcome;  ///< until the next call
        uint32_t age;
    };
    /// An earlier answer, while its TTLs last and its mappings are held.
    std::optional<Recalled> recall(const dns::Name& lower, uint16_t type);

    // Limits for what one answer may make us do.
    static constexpr size_t kMostTargets = 128;  ///< IPREF addresses of one name
    static constexpr size_t kMostGateways = 16;  ///< names of gateways to look up

  private:
    struct Question;

    Question* find(uint64_t number);
    void on_txt(Question& question, const Asker::Outcome& answer);
    void resolve_gateways(Question& question, const std::vector<dns::Aa>& records);
    void on_gateway(Question& question, const dns::Name& gateway, const Asker::Outcome& answer);
    void add_target(Question& question, const net::IpRef& ipref);
    void encode(Question& question);
    void on_ea(Question& question, const net::IpRef& ipref, const Encoder::Outcome& outcome);
    void conclude(Question& question);
    void fail_question(Question& question, uint16_t info_code, std::string why);
    void end(Question& question);
    void keep(const Question& question);
    void look_at_mappings(Memory::Known& known) const;
    void deliver();

    run::Loop& loop_;
    AnswererOptions options_;
    Asker asker_;
    Encoder encoder_;
    Memory memory_;
    std::unordered_map<uint64_t, std::unique_ptr<Question>> questions_;
    uint64_t next_ = 1;
    std::vector<std::pair<Callback, Outcome>> ready_;
    run::Timer kick_;  // outcomes are told from here, with nothing of ours below on the stack
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace ipref::resolver::aa
