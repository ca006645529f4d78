// SPDX-License-Identifier: GPL-2.0-or-later
// Fields and functions that expressions of templates name.
#pragma once

#include <span>

#include "resolver/plugins/template/expression.h"

namespace ipref::resolver::text_template {

struct Field {
    std::string_view name;
    Value (*get)(const TemplateData&);
};
std::span<const Field> fields();

struct Function {
    std::string_view name;
    size_t least, most;  ///< arguments
    Result<Value> (*call)(const std::vector<Value>&, const TemplateData&);
};
/// ".Meta" is one of them.
std::span<const Function> functions();

}  // namespace ipref::resolver::text_template
