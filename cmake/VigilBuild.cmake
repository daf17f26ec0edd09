# How every target of vigil is compiled. User flags stay untouched; nothing reaches a project that embeds vigil.
# bin/ and lib/ also inside another project: the command finds the shim in ../lib, as it does when installed.
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/lib)
set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/lib)
if(PROJECT_IS_TOP_LEVEL)
  set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
  find_program(VIGIL_CCACHE ccache)
  if(VIGIL_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
    set(CMAKE_C_COMPILER_LAUNCHER ${VIGIL_CCACHE})
    set(CMAKE_CXX_COMPILER_LAUNCHER ${VIGIL_CCACHE})
  endif()
endif()

option(VIGIL_WARNINGS_AS_ERRORS "Treat warnings as errors" OFF)
option(VIGIL_QUICK_BUILD "Compile quickly what need not run fast: all but the runtime" OFF)
option(VIGIL_FUZZ "Compile the reports to be fuzzed, and the fuzzing targets (clang)" OFF)
option(VIGIL_UNITY_BUILD "Compile the reports and each test program a few sources at a time, and common headers once" OFF)
set(VIGIL_SANITIZER "" CACHE STRING "address (with undefined) or thread: build the runtime and its tests under it")

# The thread sanitizer of g++ 12 does not start where addresses are randomised by more than 28 bits: its tests run without.
if(VIGIL_SANITIZER STREQUAL "thread" AND EXISTS /proc/sys/vm/mmap_rnd_bits)
  file(READ /proc/sys/vm/mmap_rnd_bits vigil_random_bits)
  if(vigil_random_bits GREATER 28)
    set(CMAKE_CROSSCOMPILING_EMULATOR setarch -R)
  endif()
endif()

# vigil_unity(<target>): compiles its sources some at a time, where asked for: headers, and what is made of their templates,
# are most of the work, and a fifth of it is left. What has flags of its own stays alone. A file's names may shadow those
# of a file before it. Debug information is lines and functions: a quarter of the work would go into types and variables.
function(vigil_unity target)
  if(VIGIL_UNITY_BUILD)
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 12)
    target_compile_options(${target} PRIVATE -g1 -Wno-shadow)
  endif()
endfunction()

# vigil_precompile(<target> <header>... | <target> LIKE <other>): compiles these headers once for all its sources, or takes
# what was compiled for another target with the same flags, where asked for. What a source becomes stays the same.
# A source with flags of its own needs SKIP_PRECOMPILE_HEADERS.
function(vigil_precompile target)
  if(NOT VIGIL_UNITY_BUILD)
    return()
  endif()
  if(ARGV1 STREQUAL "LIKE")
    target_precompile_headers(${target} REUSE_FROM ${ARGV2})
  else()
    target_precompile_headers(${target} PRIVATE ${ARGN})
  endif()
endfunction()

# vigil_target(<target>): our own warnings, C++20, frame pointers, hidden symbols, and the chosen sanitizer.
function(vigil_target target)
  target_compile_features(${target} PUBLIC cxx_std_20)
  set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF CXX_VISIBILITY_PRESET hidden C_VISIBILITY_PRESET hidden
                                             VISIBILITY_INLINES_HIDDEN ON POSITION_INDEPENDENT_CODE ON)
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR})
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wconversion -Wshadow
                                           -fno-omit-frame-pointer -mno-omit-leaf-frame-pointer)
  if(VIGIL_WARNINGS_AS_ERRORS)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
  if(VIGIL_QUICK_BUILD)
    target_compile_options(${target} PRIVATE -O0)
  endif()
  if(VIGIL_SANITIZER STREQUAL "address")
    target_compile_options(${target} PRIVATE -fsanitize=address,undefined -fno-sanitize-recover=undefined)
    target_link_options(${target} PRIVATE -fsanitize=address,undefined)
  elseif(VIGIL_SANITIZER STREQUAL "thread")
    target_compile_options(${target} PRIVATE -fsanitize=thread)
    target_link_options(${target} PRIVATE -fsanitize=thread)
  endif()
endfunction()

# vigil_test_target(<target>): the same for what only checks something. A test's own code is run once and compiled in every
# preset, and expectations are slow to optimise: half of the time it takes to build everything would go there. What a user's
# optimised code does with our headers is seen by samples, workloads and test/preload.
function(vigil_test_target target)
  vigil_target(${target})
  target_compile_options(${target} PRIVATE -O0)
  if(VIGIL_SANITIZER STREQUAL "address")
    # Of a test's own pointers the address sanitizer says enough.
    target_compile_options(${target} PRIVATE -fno-sanitize=null,alignment,object-size,vptr)
  endif()
endfunction()

# vigil_fuzzed(<target>): with VIGIL_FUZZ, compiled so that a fuzzer sees which way it went and the sanitizers see what
# went wrong. Who links it gets their runtime, not the fuzzer's.
function(vigil_fuzzed target)
  if(VIGIL_FUZZ)
    target_compile_options(${target} PRIVATE -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined)
    target_link_options(${target} PUBLIC -fsanitize=address,undefined)
  endif()
endfunction()
