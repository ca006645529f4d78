// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/dns/axfr.h"

namespace ipref::dns {

bool AxfrStream::in_zone(const RecordView& view) const {
    if (view.klass != klass::kIn) {
        skip(fmt::format("{}: class {} is passed over", view.owner.str(), class_text(view.klass)));
        return false;
    }
    if (view.owner.is_under(zone())) return true;
    skip(fmt::format("{}: not in the zone, passed over", view.owner.str()));
    return false;
}

TransferStep AxfrStream::record(const MessageReader& reader, const RecordView& view) {
    return zone_record(reader, view);
}

TransferStep AxfrStream::zone_record(const MessageReader& reader, const RecordView& view) {
    if (done()) return broken("a record follows the end of the zone");
    const bool is_soa = view.type == rr::kSoa && view.owner == zone();
    if (!begun_ && !is_soa) return broken("the zone does not begin with its SOA");
    if (!in_zone(view)) return {};
    return is_soa ? soa(reader, view) : take(reader, view);
}

TransferStep AxfrStream::message_ended() {
    if (begun_) return {};
    return broken("it answers without the zone: a message has no record");
}

TransferStep AxfrStream::take(const MessageReader& reader, const RecordView& view) {
    records_++;
    if (auto taken = takers_.record(reader, view); !taken) return broken("{}", taken.error());
    return {};
}

TransferStep AxfrStream::soa(const MessageReader& reader, const RecordView& view) {
    auto rdata = reader.plain_rdata(view);
    const auto serial = rdata ? soa_serial(*rdata) : std::nullopt;
    if (!serial) return broken("malformed SOA");
    if (begun_) {
        if (*rdata != first_soa_) return broken("the zone changed during the transfer");
        set_done();
        return {};
    }
    begun_ = true;
    first_soa_ = std::move(*rdata);
    serial_ = *serial;
    return take(reader, view);
}

void AxfrStream::skip(std::string text) const {
    if (takers_.skipped) takers_.skipped(std::move(text));
}

}  // namespace ipref::dns
