// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/mapper/types.h"

namespace ipref::mapper {

Result<Protocol> parse_protocol(std::string_view word) {
    for (const auto protocol : {Protocol::automatic, Protocol::protobuf, Protocol::v1}) {
        if (word == name_of(protocol)) return protocol;
    }
    return fail("\"{}\" is none of auto, protobuf and v1", word);
}

const char* name_of(Protocol protocol) {
    switch (protocol) {
        case Protocol::automatic:
            return "auto";
        case Protocol::protobuf:
            return "protobuf";
        case Protocol::v1:
            return "v1";
    }
    return "auto";
}

const char* name_of(Reason reason) {
    switch (reason) {
        case Reason::disconnected:
            return "disconnected";
        case Reason::timed_out:
            return "timed_out";
        case Reason::too_many:
            return "too_many";
        case Reason::bad_answer:
            return "bad_answer";
        case Reason::refused:
            return "refused";
        case Reason::bad_request:
            return "bad_request";
        case Reason::unknown_hash:
            return "unknown_hash";
        case Reason::family:
            return "family";
        case Reason::not_unicast:
            return "not_unicast";
        case Reason::limit:
            return "limit";
        case Reason::exhausted:
            return "exhausted";
        case Reason::store:
            return "store";
        case Reason::overloaded:
            return "overloaded";
    }
    return "refused";
}

}  // namespace ipref::mapper
