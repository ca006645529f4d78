// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/server/query.h"

#include "common/dns/wire_message.h"
#include "resolver/server/runner.h"

namespace ipref::resolver {

void Query::finish() {
    outcome_ = Outcome::answered;
    runner_->end(*this);
}

void Query::fail(uint16_t code, std::string why) {
    failed(code, std::move(why));
    runner_->end(*this);
}

void Query::pass(bool watch) {
    runner_->pass(*this, watch);
}

void Query::drop() {
    outcome_ = Outcome::dropped;
    runner_->end(*this);
}

Step Query::failed(uint16_t code, std::string why) {
    const auto options = std::move(reply.options);  // an extended error says why, and stays
    reply.clear();
    reply.options = options;
    reply.rcode = code;
    error_ = std::move(why);
    outcome_ = Outcome::failed;
    return Step::done;
}

Step Query::dropped() {
    outcome_ = Outcome::dropped;
    return Step::done;
}

void Query::add_address(std::vector<RecordRef>& to, Bytes owner, uint32_t ttl, const net::Ip& ip) {
    to.push_back({.owner = owner,
                  .type = ip.is_v4() ? dns::rr::kA : dns::rr::kAaaa,
                  .ttl = ttl,
                  .rdata = arena_.copy(ip.bytes())});
}

Bytes Query::asked_name() {
    if (asked_.empty()) asked_ = arena_.copy(request.name.wire());
    return asked_;
}

bool Query::take_message(Bytes message) {
    reply.clear();
    dns::MessageReader in(message);
    while (const auto record = in.record()) {
        if (record->type == dns::rr::kOpt) {
            reply.rcode |= static_cast<uint16_t>(dns::Edns::from(*record).extended_rcode << 4);
            continue;
        }
        const auto data = in.plain_rdata(*record);
        if (!data) {
            reply.clear();
            return false;
        }
        auto& to = record->section == dns::Section::answer      ? reply.answer
                   : record->section == dns::Section::authority ? reply.authority
                                                                : reply.additional;
        to.push_back({.owner = arena_.copy(record->owner.wire()),
                      .type = record->type,
                      .klass = record->klass,
                      .ttl = dns::sane_ttl(record->ttl),
                      .rdata = arena_.copy(*data)});
    }
    if (!in.ok()) {
        reply.clear();
        return false;
    }
    reply.rcode |= in.header().rcode();
    reply.aa = in.header().has(dns::flag::kAa);
    reply.ra = in.header().has(dns::flag::kRa);
    reply.ad = in.header().has(dns::flag::kAd);
    reply.tc = in.header().has(dns::flag::kTc);
    return true;
}

void Query::add_extended_error(uint16_t info_code, std::string_view text) {
    const auto data = arena_.room(2 + text.size());
    data[0] = static_cast<uint8_t>(info_code >> 8);
    data[1] = static_cast<uint8_t>(info_code);
    if (!text.empty()) std::memcpy(data.data() + 2, text.data(), text.size());
    reply.options.push_back({dns::option::kExtendedError, data});
}

Worker& Query::worker() const {
    return *runner_;
}

void Query::lookup(const Name& name, uint16_t qtype,
                   std::function<void(const LookupResult&)> then) {
    runner_->lookup(*this, name, qtype, std::move(then));
}

void Query::defer(std::function<void()> what) {
    runner_->defer(*this, std::move(what));
}

bool Query::send_part(const std::function<void()>& ready) {
    return sink_->part(*this, ready);
}

}  // namespace ipref::resolver
