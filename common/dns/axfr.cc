// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/dns/axfr.h"

#include <algorithm>
#include <array>

namespace ipref::dns {

namespace {

template <typename... Args>
tl::unexpected<TransferError> broken(fmt::format_string<Args...> format, Args&&... args) {
    return tl::unexpected(TransferError{false, fmt::format(format, std::forward<Args>(args)...)});
}

}  // namespace

std::vector<uint8_t> AxfrStream::query() const {
    std::array<uint8_t, 512> space;
    MessageWriter writer(space);
    writer.question({zone_, rr::kAxfr, klass::kIn});
    const auto message = writer.finish(id_, 0);
    std::vector<uint8_t> out(2 + message.size());
    out[0] = static_cast<uint8_t>(message.size() >> 8);
    out[1] = static_cast<uint8_t>(message.size());
    std::copy(message.begin(), message.end(), out.begin() + 2);
    return out;
}

TransferStep AxfrStream::feed(Bytes bytes) {
    bytes_ += bytes.size();
    if (bytes_ > kMostBytes) return broken("the zone is larger than {} bytes", kMostBytes);
    pending_.insert(pending_.end(), bytes.begin(), bytes.end());
    size_t at = 0;
    while (pending_.size() - at >= 2) {
        const size_t size = static_cast<size_t>(pending_[at]) << 8 | pending_[at + 1];
        if (pending_.size() - at - 2 < size) break;
        if (done_) return broken("a message follows the end of the zone");
        if (auto got = message(Bytes(pending_).subspan(at + 2, size)); !got) return got;
        at += 2 + size;
    }
    pending_.erase(pending_.begin(), pending_.begin() + static_cast<ptrdiff_t>(at));
    return {};
}

TransferStep AxfrStream::check_header(MessageReader& reader) const {
    const auto& header = reader.header();
    if (header.id != id_) return broken("answer to id {}, asked was {}", header.id, id_);
    if (!header.has(flag::kQr)) return broken("it is no answer");
    if (header.opcode() != opcode::kQuery) return broken("opcode {}", header.opcode());
    if (header.rcode() != rcode::kNoError) {
        const bool gone = header.rcode() == rcode::kNxDomain || header.rcode() == rcode::kNotAuth;
        return tl::unexpected(
            TransferError{gone, fmt::format("the server answers {}", rcode_text(header.rcode()))});
    }
    if (header.has(flag::kTc)) return broken("an answer is cut (TC)");
    if (header.questions > 1) return broken("{} questions in an answer", header.questions);
    if (header.questions == 0) return {};
    const auto question = reader.question();
    if (!question) return broken("malformed question");
    if (question->name != zone_ || question->type != rr::kAxfr) {
        return broken("it answers {} {}", question->name.str(), type_text(question->type));
    }
    return {};
}

TransferStep AxfrStream::message(Bytes bytes) {
    MessageReader reader(bytes);
    if (!reader.ok()) return broken("a message of {} bytes is no DNS message", bytes.size());
    if (auto fine = check_header(reader); !fine) return fine;
    if (takers_.message) {
        if (auto fine = takers_.message(bytes); !fine) return broken("{}", fine.error());
    }
    while (const auto view = reader.record()) {
        if (view->section != Section::answer) continue;
        if (auto taken = record(reader, *view); !taken) return taken;
    }
    if (!reader.done()) return broken("malformed message behind {} records", records_);
    return {};
}

TransferStep AxfrStream::record(const MessageReader& reader, const RecordView& view) {
    if (done_) return broken("a record follows the end of the zone");
    const bool is_soa = view.type == rr::kSoa && view.owner == zone_;
    if (!begun_ && !is_soa) return broken("the zone does not begin with its SOA");
    if (view.klass != klass::kIn) {
        skip(fmt::format("{}: class {} is passed over", view.owner.str(), class_text(view.klass)));
        return {};
    }
    if (is_soa) return soa(reader, view);
    if (!view.owner.is_under(zone_)) {
        skip(fmt::format("{}: not in the zone, passed over", view.owner.str()));
        return {};
    }
    return take(reader, view);
}

TransferStep AxfrStream::take(const MessageReader& reader, const RecordView& view) {
    records_++;
    if (auto taken = takers_.record(reader, view); !taken) return broken("{}", taken.error());
    return {};
}

TransferStep AxfrStream::soa(const MessageReader& reader, const RecordView& view) {
    constexpr size_t kNumbers = 20;  // serial, refresh, retry, expire, minimum
    auto rdata = reader.plain_rdata(view);
    if (!rdata || rdata->size() < kNumbers + 2) return broken("malformed SOA");
    if (begun_) {
        if (*rdata != first_soa_) return broken("the zone changed during the transfer");
        done_ = true;
        return {};
    }
    begun_ = true;
    first_soa_ = std::move(*rdata);
    wire::Reader numbers(Bytes(first_soa_).last(kNumbers));
    serial_ = numbers.u32();
    return take(reader, view);
}

void AxfrStream::skip(std::string text) const {
    if (takers_.skipped) takers_.skipped(std::move(text));
}

TransferError AxfrStream::cut_short() const {
    if (!begun_) return {false, "the server closed the connection without an answer"};
    return {false, fmt::format("the server closed the connection after {} bytes, before the zone's "
                               "end",
                               bytes_)};
}

}  // namespace ipref::dns
