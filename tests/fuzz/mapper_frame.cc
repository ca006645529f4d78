// SPDX-License-Identifier: GPL-2.0-or-later
// Records of the mapper socket as a client reads them, in both protocols.
#include "common/wire/mapper_frame.h"

#include <cstdlib>

#include "common/mapper/dialect.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace ipref;
    const wire::Bytes record(data, size);
    const auto frame = wire::parse_frame(record);
    if (frame) {
        // Unknown fields are kept, so a frame written again may differ, but it is one.
        const auto bytes = wire::build_frame(*frame);
        if (bytes && !wire::parse_frame(*bytes)) std::abort();
        for (const auto& host : frame->host_data().add()) wire::host_from(host);
    }
    static const auto v1 = mapper::v1_dialect(net::Family::v4, net::Family::v4);
    if (mapper::protobuf_dialect().read(record) && !frame) std::abort();
    (void)v1->read(record);
    (void)mapper::read_hello(record, 1);
    return 0;
}
