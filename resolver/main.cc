// SPDX-License-Identifier: GPL-2.0-or-later
#include <exception>

#include "resolver/program.h"

int main(int argc, char** argv) {
    try {
        return ipref::resolver::run_program(ipref::run::arguments_of(argc, argv));
    } catch (const std::exception& error) {
        fmt::print(stderr, "ipref-coredns: {}\n", error.what());
        return 1;
    }
}
