# SPDX-License-Identifier: GPL-2.0-or-later
# Warnings for our own code, and one function for each kind of target.

add_library(ipref-flags INTERFACE)
target_compile_options(ipref-flags INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow -fno-strict-aliasing)
target_include_directories(ipref-flags INTERFACE ${PROJECT_SOURCE_DIR})

# ipref_library(NAME SOURCES a.cc b.cc LINK lib...)
function(ipref_library name)
  cmake_parse_arguments(arg "" "" "SOURCES;LINK" ${ARGN})
  add_library(${name} STATIC ${arg_SOURCES})
  target_link_libraries(${name} PUBLIC ipref-flags ${arg_LINK})
endfunction()

# ipref_program(NAME SOURCES main.cc LINK lib...)
function(ipref_program name)
  cmake_parse_arguments(arg "" "" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE ipref-flags ${arg_LINK})
endfunction()

# ipref_unit_test(NAME SOURCES a_test.cc LINK lib...): a Catch2 program, run by ./dev test
function(ipref_unit_test name)
  cmake_parse_arguments(arg "" "" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE ipref-flags ${arg_LINK} ipref-catch)
  # g++ 12 sees overruns in vectors and strings of known size that are not there.
  target_compile_options(${name} PRIVATE "$<$<CXX_COMPILER_ID:GNU>:-Wno-array-bounds;-Wno-stringop-overflow;-Wno-stringop-overread>")
  target_compile_definitions(${name} PRIVATE IPREF_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  set_target_properties(${name} PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY ${CMAKE_RUNTIME_OUTPUT_DIRECTORY}/unit)
endfunction()

# ipref_fuzzer(NAME LINK lib...): NAME.cc with LLVMFuzzerTestOneInput; its seeds stand in
# tests/fuzz/corpus/NAME. Without libFuzzer it is a program that replays files.
function(ipref_fuzzer name)
  cmake_parse_arguments(arg "" "" "LINK" ${ARGN})
  if(IPREF_LIBFUZZER)
    add_executable(fuzz-${name} ${name}.cc)
    target_link_options(fuzz-${name} PRIVATE -fsanitize=fuzzer)
  else()
    add_executable(fuzz-${name} ${name}.cc ${PROJECT_SOURCE_DIR}/tests/fuzz/replay.cc)
  endif()
  target_link_libraries(fuzz-${name} PRIVATE ipref-flags ${arg_LINK})
  set_target_properties(fuzz-${name} PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY ${CMAKE_RUNTIME_OUTPUT_DIRECTORY}/fuzz)
endfunction()
