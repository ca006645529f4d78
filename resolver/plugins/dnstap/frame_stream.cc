// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/plugins/dnstap/frame_stream.h"

#include "common/wire/cursor.h"

namespace ipref::resolver::dnstap {

namespace {

enum class Control : uint32_t { accept = 1, start = 2, stop = 3, ready = 4, finish = 5 };
constexpr uint32_t kContentType = 1;  // the one kind of field
constexpr size_t kHead = 8;           // the escape and the length

void put32(std::vector<uint8_t>& to, size_t value) {
    for (int shift = 24; shift >= 0; shift -= 8) to.push_back(static_cast<uint8_t>(value >> shift));
}

std::vector<uint8_t> make(Control type, std::string_view content_type = {}) {
    std::vector<uint8_t> body;
    put32(body, static_cast<uint32_t>(type));
    if (!content_type.empty()) {
        put32(body, kContentType);
        put32(body, content_type.size());
        body.insert(body.end(), content_type.begin(), content_type.end());
    }
    std::vector<uint8_t> out;
    put32(out, 0);
    put32(out, body.size());
    out.insert(out.end(), body.begin(), body.end());
    return out;
}

}  // namespace

std::vector<uint8_t> FrameStream::ready() const {
    return make(Control::ready, content_type_);
}

std::vector<uint8_t> FrameStream::stop() {
    return make(Control::stop);
}

void FrameStream::append(std::vector<uint8_t>& to, Bytes data) {
    put32(to, data.size());
    to.insert(to.end(), data.begin(), data.end());
}

Result<std::vector<uint8_t>> FrameStream::received(Bytes bytes) {
    in_.insert(in_.end(), bytes.begin(), bytes.end());
    std::vector<uint8_t> out;
    while (in_.size() >= kHead) {
        wire::Reader head(in_);
        if (head.u32() != 0) return fail("it sends data, and is no reader of Frame Streams");
        const uint32_t length = head.u32();
        if (length > kMostControl) {
            return fail("it sends a control frame of {} bytes, at most {} are allowed", length,
                        kMostControl);
        }
        if (in_.size() < kHead + length) break;
        const auto answer = control(Bytes(in_).subspan(kHead, length));
        if (!answer) return answer;
        out.insert(out.end(), answer->begin(), answer->end());
        in_.erase(in_.begin(), in_.begin() + static_cast<ptrdiff_t>(kHead + length));
    }
    return out;
}

/// The reader has two things to say: ACCEPT, and FINISH.
Result<std::vector<uint8_t>> FrameStream::control(Bytes frame) {
    wire::Reader in(frame);
    const auto type = static_cast<Control>(in.u32());
    if (in.ok() && type == Control::finish) return fail("it wants no more");
    if (!in.ok() || type != Control::accept || started_) {
        return fail("it sends an unexpected control frame");
    }
    bool ours = in.left() == 0;  // without a field any content is accepted
    while (in.ok() && in.left() > 0) {
        const uint32_t field = in.u32();
        const auto value = in.take(in.u32());
        if (field != kContentType) return fail("it sends a malformed control frame");
        ours = ours || std::string_view(reinterpret_cast<const char*>(value.data()),
                                        value.size()) == content_type_;
    }
    if (!in.ok()) return fail("it sends a malformed control frame");
    if (!ours) return fail("it does not accept {}", content_type_);
    started_ = true;
    return make(Control::start, content_type_);
}

}  // namespace ipref::resolver::dnstap
