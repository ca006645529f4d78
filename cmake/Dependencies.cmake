# SPDX-License-Identifier: GPL-2.0-or-later
# Libraries of the distribution, as imported targets; what each is for stands in docs/DESIGN.md.
if(IPREF_STATIC)
  set(CMAKE_FIND_LIBRARY_SUFFIXES .a)
  set(Protobuf_USE_STATIC_LIBS ON)
  set(libuv_module libuv-static)
else()
  set(libuv_module libuv)
endif()

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(Protobuf REQUIRED)

foreach(module libcares ldns liburcu-qsbr liburcu-cds lmdb openssl libnghttp2 libseccomp re2)
  string(REPLACE "-" "_" variable ${module})
  pkg_check_modules(${variable} REQUIRED IMPORTED_TARGET ${module})
endforeach()
pkg_check_modules(libuv REQUIRED IMPORTED_TARGET ${libuv_module})

if(IPREF_STATIC)
  # Debian has no static library of it: it is compiled in from its headers.
  find_package(fmt REQUIRED)
  add_library(PkgConfig::fmt ALIAS fmt::fmt-header-only)
  # What pkg-config lists as private.
  target_link_libraries(PkgConfig::ldns INTERFACE PkgConfig::openssl)
else()
  pkg_check_modules(fmt REQUIRED IMPORTED_TARGET fmt)
endif()

# tl::expected is header-only and has no pkg-config file.
find_path(TL_EXPECTED_DIR tl/expected.hpp REQUIRED)
