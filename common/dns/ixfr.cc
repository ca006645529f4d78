// SPDX-License-Identifier: GPL-2.0-or-later
// Differences (RFC 1995 section 4): SOA of now; then, once or more, the SOA of before, what went,
// the SOA of after, what came; SOA of now. Each SOA of before is the one reached so far.
#include "common/dns/axfr.h"

namespace ipref::dns {

/// The serial that is there, in a SOA that is otherwise empty.
void IxfrStream::complete(MessageWriter& writer) const {
    std::vector<uint8_t> rdata(2 + 20, 0);
    wire::Writer(std::span(rdata).subspan(2)).u32(have_);
    writer.record(Section::authority, zone(), rr::kSoa, klass::kIn, 0, rdata);
}

bool IxfrStream::is_soa(const RecordView& view) const {
    return view.type == rr::kSoa && view.owner == zone() && view.klass == klass::kIn;
}

TransferStep IxfrStream::record(const MessageReader& reader, const RecordView& view) {
    switch (state_) {
        case State::begin:
            if (auto begun = zone_record(reader, view); !begun) return begun;
            state_ = State::decide;
            return {};
        case State::decide:
            return decide(reader, view);
        case State::whole:
            return zone_record(reader, view);
        case State::removing:
        case State::adding:
            break;
    }
    return difference(reader, view);
}

/// The second record tells differences from a whole zone.
TransferStep IxfrStream::decide(const MessageReader& reader, const RecordView& view) {
    if (is_soa(view)) {
        const auto rdata = reader.plain_rdata(view);
        if (rdata && *rdata != first_soa()) {
            state_ = State::adding;
            reached_ = have_;
            kind_ = Kind::differences;
            return boundary(reader, view);
        }
    }
    state_ = State::whole;
    kind_ = Kind::whole;
    return zone_record(reader, view);
}

TransferStep IxfrStream::difference(const MessageReader& reader, const RecordView& view) {
    if (done()) return broken("a record follows the end of the differences");
    if (is_soa(view)) return boundary(reader, view);
    if (!in_zone(view)) return {};
    auto taken = change_(state_ == State::adding, reader, view);
    if (!taken) return broken("{}", taken.error());
    return {};
}

TransferStep IxfrStream::boundary(const MessageReader& reader, const RecordView& view) {
    const auto rdata = reader.plain_rdata(view);
    const auto number = rdata ? soa_serial(*rdata) : std::nullopt;
    if (!number) return broken("malformed SOA");
    if (state_ == State::removing) {
        if (!newer_serial(*number, reached_)) {
            return broken("differences lead from serial {} to {}", reached_, *number);
        }
        reached_ = *number;
        state_ = State::adding;
        return {};
    }
    if (reached_ == serial() && *rdata == first_soa()) {
        set_done();
        return {};
    }
    if (*number != reached_) {
        return broken("differences go on from serial {}, not from {}", *number, reached_);
    }
    state_ = State::removing;
    return {};
}

/// A lone SOA means that nothing is newer than what was named.
TransferStep IxfrStream::message_ended() {
    if (state_ != State::decide) return AxfrStream::message_ended();
    if (newer_serial(serial(), have_)) return {};
    set_done();
    return {};
}

}  // namespace ipref::dns
