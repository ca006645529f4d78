// SPDX-License-Identifier: GPL-2.0-or-later
#include "dns-agent/zone_fetch.h"

#include "common/dns/random.h"
#include "common/run/unix_time.h"

namespace ipref::agent {

ZoneFetch::ZoneFetch(run::Loop& loop, Target target, Callback callback)
    : Fetch(std::move(callback)), loop_(loop), target_(std::move(target)), now_(run::unix_time()) {
    if (target_.have && target_.have->gone) target_.have.reset();
    ask_serial();
}

ZoneFetch::~ZoneFetch() = default;

void ZoneFetch::ask(dns::AnswerStream& stream, const dns::TransferLimits& limits,
                    dns::Transfer::Callback then) {
    if (target_.key != nullptr) stream.sign_with(*target_.key);
    transfers_.push_back(std::make_unique<dns::Transfer>(loop_, target_.server, stream,
                                                         stream.query(), limits, std::move(then)));
}

void ZoneFetch::ask_serial() {
    soa_ = std::make_unique<dns::SoaStream>(target_.zone, dns::random_id());
    ask(*soa_, target_.limits, [this](const dns::TransferStep& end) { serial(end); });
}

void ZoneFetch::serial(const dns::TransferStep& end) {
    if (!end && (end.error().gone || !end.error().answered)) {
        return finish(tl::unexpected(refused(end.error())));
    }
    has_zone_ = end.has_value();
    const auto& have = target_.have;
    if (target_.anchors && has_zone_ && have && now_ >= target_.signed_until.value_or(0)) {
        return ask_zone(nullptr);
    }
    // A server may give the zone and yet no answer to a query for its SOA.
    if (!end || !have) return ask_zone(nullptr);
    if (have->serial == soa_->serial()) {
        return finish(
            Fetched{have, Fetched::How::unchanged, "", std::nullopt, target_.signed_until});
    }
    if (target_.anchors) return ask_zone(nullptr);
    // One that went back is a zone made anew: differences would not lead there.
    ask_zone(dns::newer_serial(soa_->serial(), have->serial) ? have : nullptr);
}

void ZoneFetch::ask_zone(std::shared_ptr<const Zone> have) {
    auto limits = target_.limits;
    if (have) limits.whole /= 2;
    auto& stream = have ? differences_ : whole_;
    if (target_.anchors) signatures_.emplace(target_.zone);
    stream = std::make_unique<ZoneStream>(target_.zone, dns::random_id(), std::move(have),
                                          signatures_ ? &*signatures_ : nullptr);
    ask(stream->answers(), limits, [this](const dns::TransferStep& end) { zone(end); });
}

/// Some servers (Knot DNS) say NOTAUTH to who may not transfer. One that has just given the zone's
/// SOA has the zone.
TransferError ZoneFetch::refused(TransferError error) const {
    if (error.gone && target_.anchors && !has_zone_) {
        error.gone = false;
        error.text += ", which nobody has signed";
    }
    if (!error.gone || !has_zone_) return error;
    error.gone = false;
    error.text += " to the transfer, though it has the zone; it must allow it to this host or key";
    return error;
}

void ZoneFetch::zone(const dns::TransferStep& end) {
    const bool asked_differences = !whole_;
    auto& stream = asked_differences ? *differences_ : *whole_;
    if (!end) {
        if (!asked_differences) return finish(tl::unexpected(refused(end.error())));
        note_ = fmt::format("no differences: {}", end.error().text);
        return ask_zone(nullptr);
    }
    const auto how = stream.differences() ? Fetched::How::differences : Fetched::How::whole;
    auto zone = stream.take();
    if (zone == target_.have) {
        note_ = "no differences: the server's answers contradict each other";
        return ask_zone(nullptr);
    }
    if (target_.anchors) return check(std::move(zone));
    finish(Fetched{std::move(zone), how, note_, std::nullopt, std::nullopt});
}

void ZoneFetch::check(std::shared_ptr<const Zone> zone) {
    check_ = std::make_unique<ZoneCheck>(
        loop_, std::move(*signatures_), *target_.anchors, now_,
        [this, zone = std::move(zone)](const dns::Validity& until) {
            if (!until) return finish(tl::unexpected(TransferError{false, until.error(), true}));
            finish(Fetched{zone, Fetched::How::whole, note_, std::nullopt, *until});
        });
}

}  // namespace ipref::agent
