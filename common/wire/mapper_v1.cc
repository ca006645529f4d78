// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/wire/mapper_v1.h"

#include <array>

namespace ipref::wire {

namespace {

constexpr uint8_t kNoop = 0;
constexpr uint8_t kGetEa = 7;
constexpr uint8_t kHostData = 14;
constexpr uint8_t kHostDataHash = 15;

constexpr uint8_t kStringType = 4;
constexpr size_t kStringLimit = 255;
constexpr size_t kWord = 4;
constexpr size_t kPacketMost = 0xffff * kWord;

constexpr size_t padded(size_t size) {
    return (size + kWord - 1) / kWord * kWord;
}

bool family_of(unsigned version, net::Family& family) {
    if (version != 4 && version != 6) return false;
    family = static_cast<net::Family>(version);
    return true;
}

constexpr size_t record_size(const V1Layout& layout, net::Family ea, net::Family gw) {
    return (layout.self_describing ? kWord : 0) + 2 * net::address_size(ea) +
           net::address_size(gw) + 16;
}

// ---- reading: a format error fails the reader, which is checked once at the end

std::string read_string(Reader& in) {
    if (in.u8() != kStringType) in.fail();
    const size_t size = in.u8();
    const auto bytes = in.take(size);
    in.skip(padded(size + 2) - (size + 2));
    return in.ok() ? std::string(reinterpret_cast<const char*>(bytes.data()), size) : std::string();
}

/// The four bytes before a record of the self-describing variant.
void read_families(Reader& in, net::Family& ea, net::Family& gw) {
    for (auto* family : {&ea, &gw}) {
        const unsigned version = in.u8();
        const size_t size = in.u8();
        if (!family_of(version, *family) || size != net::address_size(*family)) in.fail();
    }
}

V1Record read_record(Reader& in, const V1Layout& layout) {
    auto ea = layout.ea;
    auto gw = layout.gw;
    if (layout.self_describing) read_families(in, ea, gw);
    V1Record record;
    record.ea = in.ip(ea);
    record.ip = in.ip(ea);
    record.ipref.ip = in.ip(gw);
    record.ipref.ref = in.ref();
    return record;
}

V1GetEa read_get_ea(Reader& in, V1Mode mode, const V1Layout& layout) {
    V1GetEa body;
    body.record = read_record(in, layout);
    if (mode == V1Mode::request) body.name = read_string(in);
    return body;
}

V1HostData read_host_data(Reader& in, V1Mode mode, const V1Layout& layout) {
    V1HostData body;
    body.batch = in.u32();
    body.hash = in.u64();
    body.local_domain = read_string(in);
    body.public_domain = read_string(in);
    if (mode != V1Mode::request) return body;
    while (in.left() > 0) body.records.push_back(read_record(in, layout));
    return body;
}

V1HostDataHash read_host_data_hash(Reader& in) {
    V1HostDataHash body;
    body.count = in.u32();
    body.hash = in.u64();
    body.local_domain = read_string(in);
    body.public_domain = read_string(in);
    return body;
}

Result<V1Body> read_body(Reader& in, V1Mode mode, uint8_t command, const V1Layout& layout) {
    const bool known = command == kGetEa || command == kHostData || command == kHostDataHash;
    if (command == kNoop && mode == V1Mode::data) return V1Noop{};
    if (!known) return fail("unknown command {}", command);
    if (mode == V1Mode::data) return fail("command {} is no request and no answer", command);
    if (mode == V1Mode::nack && in.left() == 0) return V1Nack{command};
    if (command == kGetEa) return read_get_ea(in, mode, layout);
    if (command == kHostData) return read_host_data(in, mode, layout);
    return read_host_data_hash(in);
}

// ---- writing

void write_string(Writer& out, const std::string& text) {
    out.u8(kStringType);
    out.u8(static_cast<uint8_t>(text.size()));
    out.bytes({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
    for (size_t i = text.size() + 2; i < padded(text.size() + 2); i++) out.u8(0);
}

void write_record(Writer& out, const V1Record& record, const V1Layout& layout) {
    if (layout.self_describing) {
        for (const auto* ip : {&record.ea, &record.ipref.ip}) {
            out.u8(static_cast<uint8_t>(ip->family()));
            out.u8(static_cast<uint8_t>(ip->size()));
        }
    }
    out.ip(record.ea);
    out.ip(record.ip);
    out.ip(record.ipref.ip);
    out.ref(record.ipref.ref);
}

bool fits_layout(const V1Record& record, const V1Layout& layout) {
    if (record.ea.family() != record.ip.family()) return false;
    return layout.self_describing ||
           (record.ea.family() == layout.ea && record.ipref.ip.family() == layout.gw);
}

/// Writes a body, and says why it cannot be written.
struct BodyWriter {
    Writer& out;
    const V1Packet& packet;

    Result<uint8_t> operator()(const V1Noop&) { return kNoop; }

    Result<uint8_t> operator()(const V1Nack& body) { return body.command; }

    Result<uint8_t> operator()(const V1GetEa& body) {
        if (const auto written = record(body.record); !written) {
            return tl::unexpected(written.error());
        }
        if (packet.mode == V1Mode::request) {
            if (body.name.size() > kStringLimit) return too_long(body.name);
            write_string(out, body.name);
        }
        return kGetEa;
    }

    Result<uint8_t> operator()(const V1HostData& body) {
        const auto source = head(body.batch, body.hash, body.local_domain, body.public_domain);
        if (!source) return tl::unexpected(source.error());
        if (packet.mode != V1Mode::request) return kHostData;
        for (const auto& one : body.records) {
            if (const auto written = record(one); !written) return tl::unexpected(written.error());
        }
        return kHostData;
    }

    Result<uint8_t> operator()(const V1HostDataHash& body) {
        const auto source = head(body.count, body.hash, body.local_domain, body.public_domain);
        if (!source) return tl::unexpected(source.error());
        return kHostDataHash;
    }

  private:
    static tl::unexpected<Error> too_long(const std::string& name) {
        return fail("name \"{}...\" is longer than {} bytes", name.substr(0, 40), kStringLimit);
    }

    Result<void> record(const V1Record& one) {
        if (!fits_layout(one, packet.layout)) {
            return fail("{} does not fit the packet's address families", one.ipref.str());
        }
        write_record(out, one, packet.layout);
        return {};
    }

    Result<void> head(uint32_t number, uint64_t hash, const std::string& local_domain,
                      const std::string& public_domain) {
        out.u32(number);
        out.u64(hash);
        for (const auto* domain : {&local_domain, &public_domain}) {
            if (domain->size() > kStringLimit) return too_long(*domain);
            write_string(out, *domain);
        }
        return {};
    }
};

/// An upper bound of the packet's size, so that it is written in one go.
size_t room_for(const V1Packet& packet) {
    constexpr size_t kFixedPart = kV1HeaderSize + 12 + 2 * padded(kStringLimit + 2) + 68;
    const auto* data = std::get_if<V1HostData>(&packet.body);
    if (data == nullptr || packet.mode != V1Mode::request) return kFixedPart;
    const V1Layout widest{.self_describing = true};
    return kFixedPart +
           data->records.size() * record_size(widest, net::Family::v6, net::Family::v6);
}

uint8_t families_byte(const V1Layout& layout) {
    if (layout.self_describing) return 0;
    return static_cast<uint8_t>(static_cast<unsigned>(layout.ea) << 4 |
                                static_cast<unsigned>(layout.gw));
}

}  // namespace

Result<V1Packet> parse_v1(Bytes bytes) {
    Reader in(bytes);
    if (bytes.size() < kV1HeaderSize) return fail("packet of {} bytes is too short", bytes.size());
    const auto signature = in.u8();
    if (signature != kV1Signature) return fail("bad signature 0x{:02x}", signature);

    const auto mode_and_command = in.u8();
    V1Packet packet;
    packet.mode = static_cast<V1Mode>(mode_and_command & 0xc0);
    packet.id = in.u16();
    const auto families = in.u8();
    packet.layout.self_describing = families == 0;
    if (families != 0 && (!family_of(families >> 4, packet.layout.ea) ||
                          !family_of(families & 0x0f, packet.layout.gw))) {
        return fail("wrong IP versions 0x{:02x}", families);
    }
    if (in.u8() != 0) return fail("reserved byte is not 0");
    const size_t words = in.u16();
    if (words * kWord != bytes.size()) {
        return fail("length field says {} bytes, packet has {}", words * kWord, bytes.size());
    }
    const uint8_t command = mode_and_command & 0x3f;
    auto body = read_body(in, packet.mode, command, packet.layout);
    if (!body) return tl::unexpected(body.error());
    if (!in.ok()) return fail("command {}: a string or record is cut short or wrong", command);
    if (!in.done()) return fail("command {}: {} bytes too many", command, in.left());
    packet.body = std::move(*body);
    return packet;
}

Result<std::vector<uint8_t>> build_v1(const V1Packet& packet) {
    std::vector<uint8_t> bytes(room_for(packet));
    const std::span<uint8_t> space(bytes);
    Writer out(space.subspan(kV1HeaderSize));
    const auto command = std::visit(BodyWriter{out, packet}, packet.body);
    if (!command) return tl::unexpected(command.error());

    const size_t size = kV1HeaderSize + out.size();
    if (size > kPacketMost) return fail("packet of {} bytes is too long", size);
    Writer header(space.first(kV1HeaderSize));
    header.u8(kV1Signature);
    header.u8(static_cast<uint8_t>(static_cast<unsigned>(packet.mode) | *command));
    header.u16(packet.id);
    header.u8(families_byte(packet.layout));
    header.u8(0);
    header.u16(static_cast<uint16_t>(size / kWord));
    bytes.resize(size);
    return bytes;
}

size_t v1_records_that_fit(const V1Layout& layout, const std::string& local_domain,
                           const std::string& public_domain, net::Family ea, net::Family gw) {
    const size_t head =
        kV1HeaderSize + 12 + padded(local_domain.size() + 2) + padded(public_domain.size() + 2);
    return head >= kV1PacketLimit ? 0 : (kV1PacketLimit - head) / record_size(layout, ea, gw);
}

}  // namespace ipref::wire
