// SPDX-License-Identifier: GPL-2.0-or-later
#include "dns-agent/axfr.h"

#include <algorithm>
#include <array>

#include "common/dns/aa.h"

namespace ipref::agent {

namespace {

using Outcome = tl::expected<void, TransferError>;

template <typename... Args>
tl::unexpected<TransferError> broken(fmt::format_string<Args...> format, Args&&... args) {
    return tl::unexpected(TransferError{false, fmt::format(format, std::forward<Args>(args)...)});
}

std::string gw_text(const dns::Aa& aa) {
    if (const auto* ip = std::get_if<net::Ip>(&aa.gw)) return ip->str();
    return std::get<dns::Name>(aa.gw).lower().str();
}

}  // namespace

std::vector<uint8_t> AxfrStream::query() const {
    std::array<uint8_t, 512> space;
    dns::MessageWriter writer(space);
    writer.question({zone_, dns::rr::kAxfr, dns::klass::kIn});
    const auto message = writer.finish(id_, 0);
    std::vector<uint8_t> out(2 + message.size());
    out[0] = static_cast<uint8_t>(message.size() >> 8);
    out[1] = static_cast<uint8_t>(message.size());
    std::copy(message.begin(), message.end(), out.begin() + 2);
    return out;
}

Outcome AxfrStream::feed(dns::Bytes bytes) {
    bytes_ += bytes.size();
    if (bytes_ > kMostZoneBytes) return broken("the zone is larger than {} bytes", kMostZoneBytes);
    pending_.insert(pending_.end(), bytes.begin(), bytes.end());
    size_t at = 0;
    while (pending_.size() - at >= 2) {
        const size_t size = static_cast<size_t>(pending_[at]) << 8 | pending_[at + 1];
        if (pending_.size() - at - 2 < size) break;
        if (done_) return broken("a message follows the end of the zone");
        if (auto got = message(dns::Bytes(pending_).subspan(at + 2, size)); !got) return got;
        at += 2 + size;
    }
    pending_.erase(pending_.begin(), pending_.begin() + static_cast<ptrdiff_t>(at));
    return {};
}

Outcome AxfrStream::check_header(dns::MessageReader& reader) const {
    const auto& header = reader.header();
    if (header.id != id_) return broken("answer to id {}, asked was {}", header.id, id_);
    if (!header.has(dns::flag::kQr)) return broken("it is no answer");
    if (header.opcode() != dns::opcode::kQuery) return broken("opcode {}", header.opcode());
    if (header.rcode() != dns::rcode::kNoError) {
        const bool gone =
            header.rcode() == dns::rcode::kNxDomain || header.rcode() == dns::rcode::kNotAuth;
        return tl::unexpected(TransferError{
            gone, fmt::format("the server answers {}", dns::rcode_text(header.rcode()))});
    }
    if (header.has(dns::flag::kTc)) return broken("an answer is cut (TC)");
    if (header.questions > 1) return broken("{} questions in an answer", header.questions);
    if (header.questions == 0) return {};
    const auto question = reader.question();
    if (!question) return broken("malformed question");
    if (question->name != zone_ || question->type != dns::rr::kAxfr) {
        return broken("it answers {} {}", question->name.str(), dns::type_text(question->type));
    }
    return {};
}

Outcome AxfrStream::message(dns::Bytes bytes) {
    dns::MessageReader reader(bytes);
    if (!reader.ok()) return broken("a message of {} bytes is no DNS message", bytes.size());
    if (auto fine = check_header(reader); !fine) return fine;
    while (const auto view = reader.record()) {
        if (view->section != dns::Section::answer) continue;
        if (auto taken = record(reader, *view); !taken) return taken;
    }
    if (!reader.done())
        return broken("malformed message behind {} records", result_.entries.size());
    return {};
}

Outcome AxfrStream::record(const dns::MessageReader& reader, const dns::RecordView& view) {
    if (done_) return broken("a record follows the end of the zone");
    const bool is_soa = view.type == dns::rr::kSoa && view.owner == zone_;
    if (!begun_ && !is_soa) return broken("the zone does not begin with its SOA");
    if (view.klass != dns::klass::kIn) {
        warn(fmt::format("{}: class {} is passed over", view.owner.str(),
                         dns::class_text(view.klass)));
        return {};
    }
    if (is_soa) return soa(reader, view);
    if (!view.owner.is_under(zone_)) {
        warn(fmt::format("{}: not in the zone, passed over", view.owner.str()));
        return {};
    }
    return view.type == dns::rr::kTxt ? txt(view) : Outcome{};
}

Outcome AxfrStream::soa(const dns::MessageReader& reader, const dns::RecordView& view) {
    constexpr size_t kNumbers = 20;  // serial, refresh, retry, expire, minimum
    auto rdata = reader.plain_rdata(view);
    if (!rdata || rdata->size() < kNumbers + 2) return broken("malformed SOA");
    if (begun_) {
        if (*rdata != first_soa_) return broken("the zone changed during the transfer");
        done_ = true;
        std::sort(result_.entries.begin(), result_.entries.end());
        const auto end = std::unique(result_.entries.begin(), result_.entries.end());
        result_.entries.erase(end, result_.entries.end());
        return {};
    }
    begun_ = true;
    first_soa_ = std::move(*rdata);
    wire::Reader numbers(dns::Bytes(first_soa_).last(kNumbers));
    result_.serial = numbers.u32();
    return {};
}

Outcome AxfrStream::txt(const dns::RecordView& view) {
    const auto records = dns::aa_of_txt(view.rdata);
    if (records.good.empty() && records.bad.empty()) return {};
    const auto owner = view.owner.lower().str();
    for (const auto& bad : records.bad) warn(fmt::format("{}: {}", owner, bad.text));
    for (const auto& aa : records.good) {
        if (result_.entries.size() == kMostEntries) {
            return broken("the zone has more than {} AA records", kMostEntries);
        }
        result_.entries.push_back({owner, gw_text(aa), aa.ref});
    }
    return {};
}

void AxfrStream::warn(std::string text) {
    if (result_.warnings.size() < kMostWarnings) return result_.warnings.push_back(std::move(text));
    result_.more_warnings++;
}

Zone AxfrStream::take() {
    return std::move(result_);
}

TransferError AxfrStream::cut_short() const {
    if (!begun_) return {false, "the server closed the connection without an answer"};
    return {false, fmt::format("the server closed the connection after {} bytes, before the zone's "
                               "end",
                               bytes_)};
}

}  // namespace ipref::agent
