# vigil_discover_gtests: each test of a GoogleTest program as a CTest test that runs under vigil's shim. Part of the
# installed package.
#
#   vigil_discover_gtests(<target> [ARGS a...] [PREFIX p] [LABELS l...] [OPTIONS name=value...] [TIMEOUT seconds]
#                         [UNDER command...])
#
# As vigil_add_test for each (VigilTest.cmake): label `vigil`, a report of its own, a hang ends in a report, a finding of
# level error fails the test. The program is asked for its tests when ctest starts, and asked again when it was built
# anew. With `#include <vigil/gtest.hpp>` in one of its sources findings name their test also when many run in one
# process.
#
# gtest_discover_tests() and a preload do not mix: it loses ENVIRONMENT_MODIFICATION when a test has more than one
# label (CMake 3.25), and a test that nobody watches passes.
include_guard(GLOBAL)

function(vigil_discover_gtests target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "PREFIX;TIMEOUT" "ARGS;LABELS;OPTIONS;UNDER")
  if(NOT TARGET ${target})
    message(FATAL_ERROR "vigil_discover_gtests: there is no target '${target}'")
  endif()
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "vigil_discover_gtests(${target}): unknown arguments: ${arg_UNPARSED_ARGUMENTS}")
  endif()
  _vigil_times(${target} "${arg_TIMEOUT}" timeout deadline)
  string(REPLACE "\\;" ";" arg_LABELS "${arg_LABELS}")  # "a;b" are two, as in set_tests_properties()
  set(labels vigil ${arg_LABELS})
  set(options --deadline=${deadline})
  foreach(option IN LISTS arg_OPTIONS)
    list(APPEND options --${option})
  endforeach()
  set(reports ${CMAKE_BINARY_DIR}/vigil-reports)
  _vigil_add_report_fixture(${reports})

  # Lists stand in brackets: a space or a semicolon in them stays one.
  set(list ${CMAKE_CURRENT_BINARY_DIR}/${target}_vigil_tests)
  file(GENERATE OUTPUT ${list}-$<CONFIG>.cmake CONTENT "# Made by vigil_discover_gtests(${target}).
set(vigil_command [==[$<TARGET_FILE:vigil::command>]==])
set(vigil_program [==[$<TARGET_FILE:${target}>]==])
set(vigil_target [==[${target}]==])
set(vigil_list [==[${list}-$<CONFIG>.txt]==])
set(vigil_reports [==[${reports}]==])
set(vigil_args [==[${arg_ARGS}]==])
set(vigil_prefix [==[${arg_PREFIX}]==])
set(vigil_labels [==[${labels}]==])
set(vigil_options [==[${options}]==])
set(vigil_timeout [==[${timeout}]==])
set(vigil_under [==[${arg_UNDER}]==])
include([==[${CMAKE_CURRENT_FUNCTION_LIST_DIR}/VigilGTestList.cmake]==])
")
  # Under a generator of several configurations ctest -C says which; under one of a single one there is only that.
  get_property(several GLOBAL PROPERTY GENERATOR_IS_MULTI_CONFIG)
  set(config "${CMAKE_BUILD_TYPE}")
  if(several)
    set(config "\${CTEST_CONFIGURATION_TYPE}")
  endif()
  file(WRITE ${list}.cmake "include(\"${list}-${config}.cmake\")\n")
  set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES ${list}.cmake)
endfunction()
