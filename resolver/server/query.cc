// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/server/query.h"

#include <cassert>
#include <utility>

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

void Query::give_up(uint16_t code) {
    runner_->give_up(*this, code);
}

void Query::drop() {
    outcome_ = Outcome::dropped;
    runner_->end(*this);
}

Step Query::failed(uint16_t code, std::string why) {
    const auto options = std::move(reply.options);  // an extended error says why, and stays
    const auto keep = reply.keep;
    reply.clear();
    reply.options = options;
    reply.keep = keep;
    reply.rcode = code;
    error_ = std::move(why);
    outcome_ = Outcome::failed;
    return Step::done;
}

void Query::recovered() {
    reply.clear();
    error_.clear();
    outcome_ = Outcome::answered;
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

void Query::rename(const Name& name) {
    request.name = name;
    request.lower = name.lower();
    asked_ = {};
}

Bytes Query::asked_name() {
    if (asked_.empty()) asked_ = arena_.copy(request.name.wire());
    return asked_;
}

bool Query::take_message(Bytes message) {
    reply.clear();
    if (!take_records(message)) {
        reply.clear();
        return false;
    }
    const auto header = *dns::Header::read(message);
    reply.rcode |= header.rcode();
    reply.aa = header.has(dns::flag::kAa);
    reply.ra = header.has(dns::flag::kRa);
    reply.ad = header.has(dns::flag::kAd);
    reply.tc = header.has(dns::flag::kTc);
    return true;
}

void Query::unpack() {
    const Bytes message = std::exchange(reply.packed, {}).message;
    if (message.empty()) return;
    for (auto* section : {&reply.answer, &reply.authority, &reply.additional}) section->clear();
    const bool whole = take_records(message);
    assert(whole);  // encode_packed() made it
    static_cast<void>(whole);
}

/// The records of a message into the sections, OPT left out.
bool Query::take_records(Bytes message) {
    dns::MessageReader in(message);
    while (const auto record = in.record()) {
        if (record->type == dns::rr::kOpt) {
            reply.rcode |= static_cast<uint16_t>(dns::Edns::from(*record).extended_rcode << 4);
            continue;
        }
        const auto data = in.plain_rdata(*record);
        if (!data) return false;
        auto& to = record->section == dns::Section::answer      ? reply.answer
                   : record->section == dns::Section::authority ? reply.authority
                                                                : reply.additional;
        to.push_back({.owner = arena_.copy(record->owner.wire()),
                      .type = record->type,
                      .klass = record->klass,
                      .ttl = dns::sane_ttl(record->ttl),
                      .rdata = arena_.copy(*data)});
    }
    return in.ok();
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

const std::string& Query::server() const {
    static const std::string kNone;
    return routes_ == nullptr ? kNone : routes_->server;
}

std::string_view Query::view() const {
    return block_ == nullptr ? std::string_view() : block_->settings.view;
}

run::Metrics& Query::metrics() const {
    return *active_->config->metrics;
}

void Query::set_metadata(std::string_view label, std::string_view value) {
    if (!keeps_metadata_) return;
    for (auto& [known, text] : metadata_) {
        if (known == label) {
            text = value;
            return;
        }
    }
    metadata_.emplace_back(label, value);
}

std::string_view Query::metadata(std::string_view label) const {
    for (const auto& [known, text] : metadata_) {
        if (known == label) return text;
    }
    return {};
}

Query& Query::ask_again() {
    return runner_->ask_again(*this);
}

void Query::lookup(const Name& name, uint16_t qtype,
                   std::function<void(const LookupResult&)> then) {
    runner_->lookup(*this, name, qtype, std::move(then));
}

void Query::defer(std::function<void()> what) {
    runner_->defer(*this, std::move(what));
}

void Query::sign_with(std::unique_ptr<Signer> signer) {
    // Whatever the client takes: the question, and OPT with small options, always fit.
    constexpr size_t kOpt = 11 + dns::kPlainUdpSize / 2, kQuestionTail = 4;
    const size_t least =
        dns::kHeaderSize + request.name.size() + kQuestionTail + (request.edns.present ? kOpt : 0);
    const size_t taken = std::min(signer->overhead(), limit_);
    limit_ = std::max(limit_ - taken, least);
    signer_ = std::move(signer);
}

size_t Query::sign(size_t size, std::span<uint8_t> out) {
    if (signer_ == nullptr) return size;
    const auto message = signer_->sign(out.first(size));
    assert(message.size() <= out.size());
    std::memcpy(out.data(), message.data(), message.size());
    return message.size();
}

bool Query::send_part(const std::function<void()>& ready) {
    return sink_->part(*this, ready);
}

}  // namespace ipref::resolver
