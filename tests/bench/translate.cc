// SPDX-License-Identifier: GPL-2.0-or-later
// Nanoseconds per packet of encapsulation and decapsulation, without system calls and with the
// cheapest of look-ups; bytes per second of the checksum.
#include "bench/counted.h"
#include "unit/gw/datapath/translate/lab.h"

namespace {

using namespace ipref;
using namespace ipref::test;

/// Two mappings and nothing to hash: what is measured is translation.
class OneLookup : public gw::Lookup {
  public:
    explicit OneLookup(const Site& site)
        : ours_(site.ours), theirs_(site.theirs), host_(site.host), ea_(site.remote) {}
    std::optional<IpRef> theirs(const Ip&) override { return theirs_; }
    std::optional<IpRef> ours(const Ip&, Family) override { return ours_; }
    std::optional<Ip> host(const IpRef&) override { return host_; }
    std::optional<Ip> ea(const IpRef&, Family) override { return ea_; }
    std::optional<IpRef> known_ours(const Ip&, Family) override { return ours_; }
    std::optional<Ip> known_ea(const IpRef&, Family) override { return ea_; }

  private:
    IpRef ours_;
    IpRef theirs_;
    Ip host_;
    Ip ea_;
};

/// Translates the same bytes again and again: only the header is put back in between.
template <typename Translate>
void measure(benchmark::State& state, Site& site, const ByteVector& packet, Translate translate) {
    ByteVector buffer(gw::kHeadroom);
    append(buffer, packet);
    const size_t head = std::min<size_t>(packet.size(), 64);
    for (auto step : state) {
        (void)step;
        std::copy_n(packet.begin(), head, buffer.begin() + gw::kHeadroom);
        gw::Packet in(buffer, gw::kHeadroom, packet.size());
        const auto verdict = translate(in.bytes());
        if (verdict.action != gw::Action::forward) return state.SkipWithError("not forwarded");
        gw::apply(site.plan, in);
        benchmark::DoNotOptimize(in.bytes().data());
        benchmark::ClobberMemory();
    }
    state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * packet.size()));
}

Family family_of(int64_t number) {
    return number == 4 ? Family::v4 : Family::v6;
}

void encap(benchmark::State& state) {
    Lab lab(family_of(state.range(1)), Family::v4, family_of(state.range(2)));
    Site& site = lab.a;
    OneLookup lookup(site);
    const size_t header = net::header_size(site.host.family());
    const size_t size = static_cast<size_t>(state.range(0)) - header;
    const auto packet = local_packet(site.host, site.remote, kTcp, segment(kTcp, size));
    measure(state, site, packet, [&](gw::Bytes bytes) {
        return gw::encap(bytes, {site.settings, lookup, site.encap_waiting}, {}, site.plan);
    });
}

void decap(benchmark::State& state) {
    Lab lab(family_of(state.range(1)), Family::v4, family_of(state.range(2)));
    Site& site = lab.a;
    OneLookup lookup(site);
    const size_t header = net::header_size(site.host.family());
    const size_t size = static_cast<size_t>(state.range(0)) - header;
    const auto packet = tunnel_packet(site.theirs, site.ours, kTcp, segment(kTcp, size));
    measure(state, site, packet, [&](gw::Bytes bytes) {
        return gw::decap(bytes, site.theirs.ip, {site.settings, lookup, site.decap_waiting}, {},
                         site.plan);
    });
}

/// Of the processor's time stamp, which counts at its nominal clock; 0 where there is none.
uint64_t cycles() {
#ifdef __x86_64__
    return __builtin_ia32_rdtsc();
#else
    return 0;
#endif
}

void checksum(benchmark::State& state) {
    const ByteVector bytes(static_cast<size_t>(state.range(0)), 0x5a);
    const uint64_t start = cycles();
    for (auto step : state) {
        (void)step;
        benchmark::DoNotOptimize(net::Checksum().add(bytes).sum());
    }
    const auto taken = static_cast<double>(cycles() - start);
    state.SetBytesProcessed(state.iterations() * state.range(0));
    state.counters["bytes/cycle"] =
        taken == 0 ? 0 : static_cast<double>(state.iterations() * state.range(0)) / taken;
}

const std::vector<std::vector<int64_t>> kPackets{{64, 1400}, {4, 6}, {4, 6}};

BENCHMARK(encap)->Apply(counted)->ArgNames({"bytes", "ea", "gw"})->ArgsProduct(kPackets);
BENCHMARK(decap)->Apply(counted)->ArgNames({"bytes", "ea", "gw"})->ArgsProduct(kPackets);
BENCHMARK(checksum)->Apply(counted)->ArgName("bytes")->Arg(20)->Arg(64)->Arg(1400)->Arg(65535);

}  // namespace

BENCHMARK_MAIN();
