// SPDX-License-Identifier: GPL-2.0-or-later
// One test a rule: what joins two packets of a flow, and what keeps them apart.
#include "gw/datapath/offload/coalescer.h"

#include <functional>

#include "unit/gw/datapath/offload/check.h"

using namespace ipref;
using namespace ipref::test;

namespace {

using Change = std::function<void(Shape&)>;

Shape shape(bool v4, uint8_t protocol) {
    Shape out;
    out.v4 = v4;
    out.protocol = protocol;
    if (protocol == kTcp) out.options = {1, 1, 8, 10, 0, 0, 0, 9, 0, 0, 0, 3};
    return out;
}

std::vector<Shape> tcp_shapes() {
    return {shape(true, kTcp), shape(false, kTcp)};
}
std::vector<Shape> all_shapes() {
    return {shape(true, kTcp), shape(false, kTcp), shape(true, kUdp), shape(false, kUdp)};
}

/// `count` packets that follow each other.
std::vector<Shape> sequence(Shape first, size_t count) {
    std::vector<Shape> out{std::move(first)};
    while (out.size() < count) out.push_back(after(out.back()));
    return out;
}

/// Packets that each item stands for. Whatever comes out, cut again, must be what was put in.
std::vector<size_t> joined(const std::vector<Input>& inputs, gw::CoalescerRules rules = {}) {
    static gw::Coalescer coalescer;
    CHECK(check_coalescer(coalescer, inputs, rules).value_or("") == "");
    std::vector<size_t> out;
    for (const auto& each : coalesce(coalescer, inputs, rules)) out.push_back(each.segments());
    return out;
}
std::vector<size_t> joined(const std::vector<Shape>& shapes, gw::CoalescerRules rules = {}) {
    std::vector<Input> inputs;
    for (const auto& each : shapes) inputs.push_back(input(each));
    return joined(inputs, rules);
}

using Sizes = std::vector<size_t>;
using Numbers = std::initializer_list<uint8_t>;

/// A change to the second of three keeps the first apart.
void keeps_apart(const std::vector<Shape>& shapes, const Change& change) {
    for (const auto& first : shapes) {
        INFO((first.v4 ? "IPv4" : "IPv6") << ", protocol " << int{first.protocol});
        auto packets = sequence(first, 3);
        REQUIRE(joined(packets) == Sizes{3});
        change(packets[1]);
        const auto sizes = joined(packets);
        REQUIRE(sizes.size() >= 2);
        CHECK(sizes[0] == 1);
    }
}

/// A packet so changed joins nothing, and is joined by nothing, not even one changed alike.
void joins_nothing(const std::vector<Shape>& shapes, const Change& change) {
    for (const auto& first : shapes) {
        INFO((first.v4 ? "IPv4" : "IPv6") << ", protocol " << int{first.protocol});
        auto packets = sequence(first, 4);
        change(packets[1]);
        change(packets[2]);
        CHECK(joined(packets) == Sizes{1, 1, 1, 1});
    }
}

}  // namespace

TEST_CASE("packets that follow each other join", "[coalesce]") {
    for (const auto& first : all_shapes()) {
        CHECK(joined(sequence(first, 2)) == Sizes{2});
        CHECK(joined(sequence(first, 17)) == Sizes{17});
    }
    CHECK(joined(std::vector<Shape>{}).empty());
}

TEST_CASE("a protocol that is not to be joined is not", "[coalesce]") {
    for (const auto& first : all_shapes()) {
        const bool tcp = first.protocol == kTcp;
        CHECK(joined(sequence(first, 2), {tcp, !tcp}) == Sizes{2});
        CHECK(joined(sequence(first, 2), {!tcp, tcp}) == Sizes{1, 1});
    }
}

TEST_CASE("IP headers must be alike", "[coalesce]") {
    keeps_apart(all_shapes(), [](Shape& s) { s.tos ^= 0x01; });
    keeps_apart(all_shapes(), [](Shape& s) { s.tos ^= 0x80; });
    keeps_apart(all_shapes(), [](Shape& s) { s.ttl--; });
    keeps_apart({shape(false, kTcp), shape(false, kUdp)}, [](Shape& s) { s.label = 1; });
    keeps_apart({shape(false, kTcp), shape(false, kUdp)}, [](Shape& s) { s.label = 0xf0000; });
}

TEST_CASE("IPv4 must have DF and may then have any identification", "[coalesce]") {
    const std::vector<Shape> v4{shape(true, kTcp), shape(true, kUdp)};
    joins_nothing(v4, [](Shape& s) { s.fragment = 0; });
    joins_nothing(v4, [](Shape& s) { s.fragment = 0xc000; });  // the reserved bit
    for (const auto& first : v4) {
        auto packets = sequence(first, 3);
        packets[1].id = 0;
        packets[2].id = 40000;
        CHECK(joined(packets) == Sizes{3});
    }
}

TEST_CASE("a fragment, or what is not understood, ends all flows", "[coalesce]") {
    const std::vector<Change> changes{
        [](Shape& s) { s.fragment = 0x2000; },         [](Shape& s) { s.fragment = 0x6000; },
        [](Shape& s) { s.fragment = 0x4001; },         [](Shape& s) { s.fragment = 0x1000; },
        [](Shape& s) { s.ip_options = {1, 1, 1, 1}; }, [](Shape& s) { s.protocol = 132; },
    };
    for (const auto& change : changes) {
        auto other = shape(true, kTcp);
        change(other);
        for (const auto& first : all_shapes()) {
            const auto packets = sequence(first, 4);
            CHECK(joined({packets[0], packets[1], other, packets[2], packets[3]}) ==
                  Sizes{2, 1, 2});
        }
    }
    for (const uint8_t number : Numbers{0, 43, 44, 60}) {
        auto other = shape(false, kUdp);
        other.extension = {0, 0, 8, 0, 0, 0, 1};
        other.extension_number = number;
        const auto packets = sequence(shape(true, kUdp), 4);
        CHECK(joined({packets[0], packets[1], other, packets[2], packets[3]}) == Sizes{2, 1, 2});
    }
}

TEST_CASE("TCP headers must be alike", "[coalesce]") {
    keeps_apart(tcp_shapes(), [](Shape& s) { s.ack++; });
    keeps_apart(tcp_shapes(), [](Shape& s) { s.window++; });
    keeps_apart(tcp_shapes(), [](Shape& s) { s.options.back()++; });
    keeps_apart(tcp_shapes(), [](Shape& s) { s.options.resize(16, 1); });
    keeps_apart(tcp_shapes(), [](Shape& s) { s.options.resize(8); });
    keeps_apart(tcp_shapes(), [](Shape& s) { s.flags |= 0x40; });  // ECE
}

TEST_CASE("the sequence must follow", "[coalesce]") {
    for (const int by : {-101, -100, -1, 1, 100}) {
        keeps_apart(tcp_shapes(), [&](Shape& s) { s.sequence += static_cast<uint32_t>(by); });
    }
    for (auto first : tcp_shapes()) {
        first.sequence = 0xffffff80;
        CHECK(joined(sequence(first, 4)) == Sizes{4});
    }
}

TEST_CASE("only plain data joins", "[coalesce]") {
    for (const uint8_t flag : Numbers{0x01, 0x02, 0x04, 0x20, 0x80}) {
        joins_nothing(tcp_shapes(), [&](Shape& s) { s.flags |= flag; });
    }
    joins_nothing(tcp_shapes(), [](Shape& s) { s.flags = 0; });
    joins_nothing(tcp_shapes(), [](Shape& s) { s.urgent = 1; });
    for (const uint8_t bit : Numbers{1, 2, 4, 8}) {
        joins_nothing(tcp_shapes(), [&](Shape& s) { s.reserved = bit; });
    }
}

TEST_CASE("ECE joins ECE", "[coalesce]") {
    for (auto first : tcp_shapes()) {
        first.flags |= 0x40;
        CHECK(joined(sequence(first, 3)) == Sizes{3});
    }
}

TEST_CASE("what has no payload joins nothing and ends its flow's super-packet", "[coalesce]") {
    joins_nothing(all_shapes(), [](Shape& s) { s.payload.clear(); });
    for (const auto& first : tcp_shapes()) {
        auto packets = sequence(first, 4);
        auto pure_ack = packets[2];
        pure_ack.payload.clear();
        CHECK(joined({packets[0], packets[1], pure_ack, packets[2], packets[3]}) == Sizes{2, 1, 2});
    }
}

TEST_CASE("PSH ends a super-packet", "[coalesce]") {
    for (const auto& first : tcp_shapes()) {
        auto packets = sequence(first, 5);
        packets[2].flags |= 0x08;
        CHECK(joined(packets) == Sizes{3, 2});
        packets[0].flags |= 0x08;
        CHECK(joined(packets) == Sizes{1, 2, 2});
    }
}

TEST_CASE("a shorter payload ends a super-packet, a larger one starts anew", "[coalesce]") {
    for (const auto& first : all_shapes()) {
        auto start = sequence(first, 2);
        auto shorter = after(start[1]);
        shorter.payload.pop_back();
        CHECK(joined({start[0], start[1], shorter, after(shorter)}) == Sizes{3, 1});
        auto larger = after(start[1]);
        larger.payload.push_back(0);
        CHECK(joined({start[0], start[1], larger, after(larger)}) == Sizes{2, 2});
    }
}

TEST_CASE("what is corrupt stays alone and as it is", "[coalesce]") {
    for (const auto& first : all_shapes()) {
        for (const size_t bad : {0, 1, 2, 4}) {
            auto packets = sequence(first, 5);
            packets[bad].checksum_error = 0x100;
            Sizes expected{1};
            if (bad > 0) expected.insert(expected.begin(), bad);
            if (bad < 4) expected.push_back(4 - bad);
            CHECK(joined(packets) == expected);
        }
        auto packets = sequence(first, 3);
        for (auto& each : packets) each.checksum_error = 1;
        CHECK(joined(packets) == Sizes{1, 1, 1});
    }
}

TEST_CASE("UDP without a checksum joins nothing", "[coalesce]") {
    joins_nothing({shape(true, kUdp), shape(false, kUdp)}, [](Shape& s) { s.no_checksum = true; });
}

TEST_CASE("a checksum of zero in either of its spellings comes out as it went in", "[coalesce]") {
    for (auto first : all_shapes()) {
        // Payload bytes take up what the rest of the sum leaves.
        first.payload[0] = first.payload[1] = 0;
        auto packet = build(first);
        const size_t field = first.ip_size() + (first.protocol == kTcp ? 16 : 6);
        const size_t rest = get16(packet, field);
        first.payload[0] = static_cast<uint8_t>(rest >> 8);
        first.payload[1] = static_cast<uint8_t>(rest);
        for (const size_t spelling : {0x0000, 0xffff}) {
            std::vector<Input> inputs{input(first), input(after(first))};
            REQUIRE(get16(inputs[0].bytes, field) % 0xffff == 0);
            set16(inputs[0].bytes, field, spelling);
            const bool usual = spelling == (first.protocol == kTcp ? 0x0000 : 0xffff);
            CHECK(joined(inputs) == (usual ? Sizes{2} : Sizes{1, 1}));
        }
    }
}

TEST_CASE("a length field that disagrees with the packet keeps it out", "[coalesce]") {
    for (const int by : {-1, 1, 256}) {
        joins_nothing(all_shapes(), [&](Shape& s) { s.ip_length_error = by; });
        joins_nothing({shape(true, kUdp), shape(false, kUdp)},
                      [&](Shape& s) { s.udp_length_error = by; });
    }
}

TEST_CASE("a head that is more or less than the headers keeps a packet out", "[coalesce]") {
    for (const auto& first : all_shapes()) {
        std::vector<Input> inputs;
        for (const auto& each : sequence(first, 4)) inputs.push_back(input(each));
        inputs[1].head++;
        inputs[2].head++;
        CHECK(joined(inputs) == Sizes{1, 1, 1, 1});
        inputs[1].head -= 2;
        CHECK(joined(inputs) == Sizes{1, 1, 1, 1});
        inputs[1].head = 0;
        CHECK(joined(inputs) == Sizes{1, 1, 1, 1});

        // A byte that no length field counts and no checksum covers.
        inputs[1] = input(after(first));
        const auto extra = static_cast<ptrdiff_t>(inputs[1].head++);
        inputs[1].bytes.insert(inputs[1].bytes.begin() + extra, 0);
        CHECK(joined(inputs) == Sizes{1, 1, 1, 1});
    }
}

TEST_CASE("at most 64 segments join", "[coalesce]") {
    for (const auto& first : all_shapes()) {
        CHECK(joined(sequence(first, 64)) == Sizes{64});
        CHECK(joined(sequence(first, 66)) == Sizes{64, 2});
    }
}

TEST_CASE("at most 65535 bytes join", "[coalesce]") {
    for (auto first : all_shapes()) {
        const size_t room = 0xffff - first.headers();
        first.payload.resize(room / 3 + 1);
        CHECK(joined(sequence(first, 3)) == Sizes{2, 1});
        first.payload.resize(room / 3);
        auto packets = sequence(first, 4);
        CHECK(joined(packets) == Sizes{3, 1});
        // The last fits to the byte, or misses by one.
        packets.back().payload.resize(room % 3);
        if (room % 3 != 0) CHECK(joined(packets) == Sizes{4});
        packets.back().payload.resize(room % 3 + 1);
        CHECK(joined(packets) == Sizes{3, 1});
    }
}

TEST_CASE("flows between each other do not matter", "[coalesce]") {
    std::vector<Shape> flows = all_shapes();
    const std::vector<Change> changes{
        [](Shape& s) { s.from = 9; },
        [](Shape& s) { s.to = 9; },
        [](Shape& s) { s.from_port++; },
        [](Shape& s) { s.to_port++; },
        [](Shape& s) { std::swap(s.from_port, s.to_port); },
        // Alike to a hash that folds ports onto addresses.
        [](Shape& s) {
            s.from ^= 4;
            s.to_port ^= 4;
        },
    };
    for (const auto& change : changes) {
        flows.push_back(flows[flows.size() % 4]);
        change(flows.back());
    }
    std::vector<Shape> packets;
    for (int i = 0; i < 7; i++) {
        for (auto& flow : flows) {
            packets.push_back(flow);
            flow = after(flow);
        }
    }
    CHECK(joined(packets) == Sizes(flows.size(), 7));
}

TEST_CASE("full after as many as there is room for", "[coalesce]") {
    gw::Coalescer coalescer;
    for (int round = 0; round < 2; round++) {
        coalescer.begin({});
        std::vector<Input> inputs;
        for (auto each : sequence(shape(true, kUdp), gw::Coalescer::kMostJoined)) {
            each.from_port = static_cast<uint16_t>(inputs.size());
            inputs.push_back(input(each));
        }
        for (const auto& each : inputs) {
            REQUIRE_FALSE(coalescer.full());
            std::copy_n(each.bytes.begin(), each.head, coalescer.head_space().begin());
            coalescer.add(each.head, std::span(each.bytes).subspan(each.head));
        }
        CHECK(coalescer.full());
        CHECK(coalescer.finish().size() == gw::Coalescer::kMostJoined);
        CHECK(check_coalescer(coalescer, inputs).value_or("") == "");
    }
    coalescer.begin({});
    CHECK_FALSE(coalescer.full());
    CHECK(coalescer.finish().empty());
}
