// SPDX-License-Identifier: GPL-2.0-or-later
// A datagram to the agent's NOTIFY listener, without a key and with one: the answer is never larger
// than the question and a signature, and nothing unsigned is taken where there is a key.
#include <cstdlib>

#include "dns-agent/notify_listener.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace ipref;
    constexpr size_t kLargestSignature = 512;
    static const dns::TsigKey key{dns::Name::parse("key").value(), dns::TsigAlgorithm::sha256,
                                  std::vector<uint8_t>(32, 1)};
    const auto heard = [](const dns::Name&) { return agent::Heard::taken; };
    const auto plain = agent::answer_notify({data, size}, nullptr, 1'700'000'000, heard);
    if (plain.bytes.size() > size || plain.taken == plain.bytes.empty()) std::abort();
    const auto proven = agent::answer_notify({data, size}, &key, 1'700'000'000, heard);
    if (proven.bytes.size() > size + kLargestSignature) std::abort();
    if (proven.taken) std::abort();  // nobody guesses a MAC
    return 0;
}
