// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/wire/mapper_frame.h"

#include <google/protobuf/stubs/logging.h>

#include <array>

#include "common/wire/mapper_v1.h"

namespace ipref::wire {

namespace {

constexpr uint8_t kFirstByte = 0x08;  // field 1, varint

const uint8_t* data_of(const std::string& bytes) {
    return reinterpret_cast<const uint8_t*>(bytes.data());
}

/// protobuf would write to standard error about bad input, as often as somebody sends it; what is
/// wrong is told by our own errors.
const bool kQuiet = [] {
    google::protobuf::SetLogHandler(nullptr);
    return true;
}();

}  // namespace

RecordKind record_kind(Bytes record) {
    if (record.empty()) return RecordKind::unknown;
    if (record[0] == kFirstByte) return RecordKind::protobuf;
    return record[0] == kV1Signature ? RecordKind::v1 : RecordKind::unknown;
}

Result<proto::Frame> parse_frame(Bytes record) {
    if (record.size() > kFrameLimit) {
        return fail("frame of {} bytes, {} are allowed", record.size(), kFrameLimit);
    }
    if (record_kind(record) != RecordKind::protobuf) {
        return fail("record does not begin with 0x{:02x}", kFirstByte);
    }
    proto::Frame frame;
    if (!frame.ParseFromArray(record.data(), static_cast<int>(record.size()))) {
        return fail("frame of {} bytes is not a protobuf message", record.size());
    }
    if (frame.version() == 0) return fail("frame has version 0");
    return frame;
}

Result<std::vector<uint8_t>> build_frame(proto::Frame frame) {
    if (frame.version() == 0) frame.set_version(kFrameVersion);
    const size_t size = frame.ByteSizeLong();
    if (size > kFrameLimit) return fail("frame of {} bytes, {} are allowed", size, kFrameLimit);
    std::vector<uint8_t> record(size);
    if (!frame.SerializeToArray(record.data(), static_cast<int>(size))) {
        return fail("frame cannot be serialised");
    }
    return record;
}

std::optional<net::Ip> ip_from(const std::string& bytes) {
    if (bytes.size() == 4) return net::Ip(net::Family::v4, data_of(bytes));
    if (bytes.size() == 16) return net::Ip(net::Family::v6, data_of(bytes));
    return std::nullopt;
}

std::string bytes_of(const net::Ip& ip) {
    return {reinterpret_cast<const char*>(ip.data()), ip.size()};
}

std::optional<net::Ref> ref_from(const std::string& bytes) {
    if (bytes.size() != 16) return std::nullopt;
    return net::Ref::from_bytes(data_of(bytes));
}

std::string bytes_of(const net::Ref& ref) {
    std::array<uint8_t, 16> bytes;
    ref.to_bytes(bytes.data());
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::optional<net::IpRef> ipref_from(const proto::IpRef& ipref) {
    const auto gw = ip_from(ipref.gw());
    const auto ref = ref_from(ipref.ref());
    if (!gw || !ref) return std::nullopt;
    return net::IpRef{*gw, *ref};
}

void put_ipref(const net::IpRef& ipref, proto::IpRef& out) {
    out.set_gw(bytes_of(ipref.ip));
    out.set_ref(bytes_of(ipref.ref));
}

std::optional<Host> host_from(const proto::Host& host) {
    const auto ip = ip_from(host.ip());
    const auto ipref = ipref_from(host.ipref());
    if (!ip || !ipref) return std::nullopt;
    return Host{*ip, *ipref};
}

void put_host(const Host& host, proto::Host& out) {
    out.set_ip(bytes_of(host.ip));
    put_ipref(host.ipref, *out.mutable_ipref());
}

}  // namespace ipref::wire
