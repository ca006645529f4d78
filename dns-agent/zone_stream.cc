// SPDX-License-Identifier: GPL-2.0-or-later
#include "dns-agent/zone_stream.h"

namespace ipref::agent {

ZoneStream::ZoneStream(const dns::Name& zone, uint16_t id, std::shared_ptr<const Zone> have,
                       SignedZone* signatures)
    : have_(std::move(have)), builder_(zone, have_) {
    dns::AxfrStream::Takers takers{
        .record =
            [this, signatures](const dns::MessageReader&, const dns::RecordView& view) {
                if (signatures != nullptr) {
                    if (auto kept = signatures->add(view); !kept) return kept;
                }
                return builder_.add(view.owner, view.type, view.rdata);
            },
        .skipped = [this](std::string text) { builder_.warn(std::move(text)); }};
    if (!have_) {
        stream_ = std::make_unique<dns::AxfrStream>(zone, id, std::move(takers));
        return;
    }
    auto ixfr = std::make_unique<dns::IxfrStream>(
        zone, id, have_->serial,
        [this](bool add, const dns::MessageReader&, const dns::RecordView& view) {
            return builder_.change(add, view.owner, view.type, view.rdata);
        },
        std::move(takers));
    ixfr_ = ixfr.get();
    stream_ = std::move(ixfr);
}

bool ZoneStream::differences() const {
    return ixfr_ != nullptr && ixfr_->kind() == dns::IxfrStream::Kind::differences;
}

std::shared_ptr<const Zone> ZoneStream::take() {
    if (ixfr_ != nullptr && ixfr_->kind() == dns::IxfrStream::Kind::unchanged) return have_;
    return builder_.finish(stream_->serial(), differences());
}

}  // namespace ipref::agent
