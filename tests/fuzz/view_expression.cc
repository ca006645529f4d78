// SPDX-License-Identifier: GPL-2.0-or-later
// Expressions of plugin view: parsed; what parses can be worked out.
#include "resolver/plugins/view/expression.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
    const std::string_view source(reinterpret_cast<const char*>(bytes), size);
    const auto made = ipref::resolver::view::parse(source);
    if (made) static_cast<void>(ipref::resolver::view::is_true(**made, {}));
    return 0;
}
