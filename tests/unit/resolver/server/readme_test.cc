// SPDX-License-Identifier: GPL-2.0-or-later
// The examples in the plugins' READMEs are configurations that load.
#include <filesystem>
#include <fstream>

#include "resolver/server/config.h"
#include "unit/catch.h"
#include "unit/certificates.h"
#include "unit/resolver/plugins/zone_key.h"
#include "unit/temporary_directory.h"

using namespace ipref;
using namespace ipref::resolver;

namespace {

/// The indented blocks behind "## Examples", without their indentation.
std::vector<std::string> examples(const std::filesystem::path& readme) {
    std::vector<std::string> out;
    std::ifstream in(readme);
    bool within = false;
    bool inside = false;
    for (std::string line; std::getline(in, line);) {
        if (line.starts_with("## ")) within = line == "## Examples";
        const bool indented = line.starts_with("    ");
        if (within && indented && !inside) out.emplace_back();
        if (within && indented) out.back() += line.substr(4) + "\n";
        if (within && !out.empty() && line.empty() && inside) out.back() += "\n";
        inside = indented || (inside && line.empty());
    }
    return out;
}

/// Relative file names of examples are looked up in a directory that has what they name.
class ExampleFiles {
  public:
    ExampleFiles() {
        test::Authority authority;
        authority.write(directory_.path() / "ca.pem");
        authority.issue(directory_.path() / "server", "DNS:dns.example");
        test::write_zone_key(directory_.path() / "Kexample.org.+013+12345", "example.org.");
        std::filesystem::current_path(directory_.path());
    }
    ~ExampleFiles() { std::filesystem::current_path(before_); }
    ExampleFiles(const ExampleFiles&) = delete;
    ExampleFiles& operator=(const ExampleFiles&) = delete;

  private:
    std::filesystem::path before_ = std::filesystem::current_path();
    test::TemporaryDirectory directory_;
};

}  // namespace

TEST_CASE("Every plugin that is built in has a README whose examples load", "[config]") {
    const ExampleFiles files;
    size_t loaded = 0;
    for (const auto& row : plugin_order()) {
        if (row.setup == nullptr) continue;
        const auto readme =
            std::filesystem::path(IPREF_SOURCE_DIR) / "resolver/plugins" / row.name / "README.md";
        INFO(readme);
        const auto texts = examples(readme);
        CHECK_FALSE(texts.empty());
        for (const auto& text : texts) {
            INFO(text);
            const auto config = load_config(text, {});
            CHECK((config ? "" : config.error().text) == "");
            CHECK(text.find(row.name) != std::string::npos);
            loaded++;
        }
    }
    CHECK(loaded >= 15);
}
