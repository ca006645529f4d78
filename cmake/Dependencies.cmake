# SPDX-License-Identifier: GPL-2.0-or-later
# Libraries of the distribution, as imported targets; what each is for stands in docs/DESIGN.md.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(Protobuf REQUIRED)

foreach(module fmt spdlog libuv libcares ldns liburcu-qsbr liburcu-cds lmdb openssl re2)
  string(REPLACE "-" "_" variable ${module})
  pkg_check_modules(${variable} REQUIRED IMPORTED_TARGET ${module})
endforeach()

# tl::expected is header-only and has no pkg-config file.
find_path(TL_EXPECTED_DIR tl/expected.hpp REQUIRED)
