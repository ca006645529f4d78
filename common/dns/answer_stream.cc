// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/dns/answer_stream.h"

#include <array>

#include "common/run/unix_time.h"

namespace ipref::dns {

namespace {

/// Signatures hold the time of day.
uint64_t seconds_now() {
    return static_cast<uint64_t>(run::unix_time());
}

}  // namespace

void AnswerStream::sign_with(const TsigKey& key) {
    session_.emplace(key);
}

std::vector<uint8_t> AnswerStream::query() {
    std::array<uint8_t, 1024> space;
    MessageWriter writer(space);
    writer.question(asked_);
    complete(writer);
    const auto plain = writer.finish(id_, 0);
    std::vector<uint8_t> message(plain.begin(), plain.end());
    if (session_) message = session_->sign(message, seconds_now());
    std::vector<uint8_t> out(2 + message.size());
    out[0] = static_cast<uint8_t>(message.size() >> 8);
    out[1] = static_cast<uint8_t>(message.size());
    std::copy(message.begin(), message.end(), out.begin() + 2);
    return out;
}

TransferStep AnswerStream::feed(Bytes bytes) {
    bytes_ += bytes.size();
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

TransferStep AnswerStream::check_signature(Bytes bytes) {
    if (!session_) return {};
    const auto proven = session_->verify(bytes, seconds_now());
    if (proven) return {};
    const auto header = Header::read(bytes).value();
    if (header.rcode() == rcode::kNoError) {
        return broken("answer {}: {}", messages_, proven.error().text);
    }
    return broken("the server answers {}, and {}", rcode_text(header.rcode()), proven.error().text);
}

TransferStep AnswerStream::check_header(MessageReader& reader) const {
    const auto& header = reader.header();
    if (header.rcode() != rcode::kNoError) {
        const bool gone = header.rcode() == rcode::kNxDomain || header.rcode() == rcode::kNotAuth;
        return tl::unexpected(TransferError{
            gone, fmt::format("the server answers {}", rcode_text(header.rcode())), true});
    }
    if (header.has(flag::kTc)) return broken("an answer is cut (TC), which over TCP none may be");
    if (header.questions > 1) return broken("{} questions in an answer", header.questions);
    if (header.questions == 0) return {};
    const auto question = reader.question();
    if (!question) return broken("malformed question");
    if (question->name != asked_.name || question->type != asked_.type) {
        return broken("it answers {} {}, asked was {} {}", question->name.str(),
                      type_text(question->type), asked_.name.str(), type_text(asked_.type));
    }
    return {};
}

TransferStep AnswerStream::message(Bytes bytes) {
    MessageReader reader(bytes);
    if (!reader.ok()) return broken("a message of {} bytes is no DNS message", bytes.size());
    const auto& header = reader.header();
    if (header.id != id_) return broken("answer to id {}, asked was {}", header.id, id_);
    if (!header.has(flag::kQr)) return broken("it is no answer");
    if (header.opcode() != opcode::kQuery) return broken("opcode {}", header.opcode());
    messages_++;
    if (auto proven = check_signature(bytes); !proven) return proven;
    if (auto fine = check_header(reader); !fine) return fine;
    while (const auto view = reader.record()) {
        if (view->section != Section::answer) continue;
        if (auto taken = record(reader, *view); !taken) return taken;
    }
    if (!reader.done()) return broken("message {} is malformed", messages_);
    if (auto ended = message_ended(); !ended) return ended;
    if (done_ && session_ && !session_->settled()) return broken("its last message is not signed");
    return {};
}

TransferError AnswerStream::cut_short() const {
    if (messages_ == 0) {
        return {false, "the server closed the connection without an answer", false};
    }
    return {false,
            fmt::format("the server closed the connection after {} bytes, before the zone's end",
                        bytes_),
            true};
}

TransferStep SoaStream::record(const MessageReader& reader, const RecordView& view) {
    if (view.type != rr::kSoa || view.owner != zone()) return {};
    const auto rdata = reader.plain_rdata(view);
    const auto serial = rdata ? soa_serial(*rdata) : std::nullopt;
    if (!serial) return broken("malformed SOA");
    found_ = true;
    serial_ = *serial;
    return {};
}

TransferStep SoaStream::message_ended() {
    if (!found_) return broken("it answers without the zone's SOA");
    set_done();
    return {};
}

}  // namespace ipref::dns
