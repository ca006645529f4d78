// SPDX-License-Identifier: GPL-2.0-or-later
// Templates of plugin template: parsed, run, bounded.
#include "resolver/plugins/template/text_template.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
    const std::string_view source(reinterpret_cast<const char*>(bytes), size);
    const auto made = ipref::resolver::TextTemplate::parse(source, "answer");
    if (!made) return 0;
    const ipref::resolver::TemplateData data{
        .name = "a.test.",
        .zone = "test.",
        .klass = "IN",
        .type = "A",
        .remote = "192.0.2.1",
        .match = {"a.test.", "a"},
        .group = {{"n", "ff"}, {"1", "a"}},
        .meta = [](std::string_view label) { return std::string(label); }};
    const auto text = made->run(data);
    if (text && text->size() > 200'000) std::abort();
    return 0;
}
