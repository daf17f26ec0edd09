# vigil_add_test: a CTest test that runs under vigil's shim. Part of the installed package.
#
#   vigil_add_test(NAME n COMMAND t [ARGS a...] [EXPECT kind...] [MAY kind...] [LABELS l...]
#                  [OPTIONS name=value...] [TIMEOUT seconds] [UNDER command...])
#
# COMMAND is an executable target or a program's path. The test carries the label `vigil` (ctest -L vigil) and fails when
# the run has a finding of level error, or when the program itself fails. With EXPECT it passes when exactly those kinds
# are found (MAY lists kinds that are allowed besides), and the program's own exit status does not matter.
# `EXPECT nothing` demands a run without any finding, warnings included.
# OPTIONS are options of `vigil run`, LABELS come on top, UNDER puts a command such as `setarch -R` in front of it all.
#
# A run that hangs ends in a report, not in CTest's SIGKILL: vigil's own `deadline` lies just under the TIMEOUT (60 s unless given).
#
# Reports lie in <build>/vigil-reports/<test>/. A fixture empties that folder before the first test of a ctest run and
# merges what it holds into <build>/vigil-reports/index.html after the last, whatever was selected and whatever failed.
# A test with a `report_dir` of its own among its OPTIONS has its reports there, where nobody empties or merges them.
include_guard(GLOBAL)

# The two tests around all others, added with the first vigil_add_test. CTest selects them for every test that
# requires the fixture, and runs the second even when a test timed out.
function(_vigil_add_report_fixture reports)
  get_property(done GLOBAL PROPERTY VIGIL_REPORT_FIXTURE)
  if(done)
    return()
  endif()
  set_property(GLOBAL PROPERTY VIGIL_REPORT_FIXTURE ON)
  add_test(NAME vigil.clean COMMAND ${CMAKE_COMMAND} -E rm -rf ${reports})
  set_tests_properties(vigil.clean PROPERTIES FIXTURES_SETUP vigil_reports)
  add_test(NAME vigil.merge COMMAND vigil::command merge -o ${reports}/index.html ${reports})
  set_tests_properties(vigil.merge PROPERTIES FIXTURES_CLEANUP vigil_reports)
endfunction()

# The CTest timeout of a test, 60 s unless given, and vigil's own deadline under it: a tenth of the time, at least one
# second and at most twenty, is left for the report.
function(_vigil_times name given timeout deadline)
  set(time 60)
  if(given)
    set(time ${given})
  endif()
  math(EXPR reserve "${time} / 10")
  if(reserve LESS 1)
    set(reserve 1)
  elseif(reserve GREATER 20)
    set(reserve 20)
  endif()
  math(EXPR left "${time} - ${reserve}")
  if(left LESS 1)
    message(FATAL_ERROR "vigil(${name}): a TIMEOUT under 2 s leaves no time for a report")
  endif()
  set(${timeout} ${time} PARENT_SCOPE)
  set(${deadline} ${left} PARENT_SCOPE)
endfunction()

function(vigil_add_test)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "NAME;COMMAND;TIMEOUT" "ARGS;EXPECT;MAY;LABELS;OPTIONS;UNDER")
  if(NOT arg_NAME OR NOT arg_COMMAND)
    message(FATAL_ERROR "vigil_add_test: NAME and COMMAND are needed")
  endif()
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "vigil_add_test(${arg_NAME}): unknown arguments: ${arg_UNPARSED_ARGUMENTS}")
  endif()
  _vigil_times(${arg_NAME} "${arg_TIMEOUT}" timeout deadline)
  foreach(list IN ITEMS arg_LABELS arg_EXPECT arg_MAY)  # "a;b" are two of them, as in set_tests_properties()
    string(REPLACE "\\;" ";" ${list} "${${list}}")
  endforeach()

  set(reports ${CMAKE_BINARY_DIR}/vigil-reports)
  string(MAKE_C_IDENTIFIER ${arg_NAME} folder)
  set(run run --report_dir=${reports}/${folder} --deadline=${deadline})
  foreach(option IN LISTS arg_OPTIONS)
    list(APPEND run --${option})
  endforeach()
  if(arg_EXPECT)
    list(REMOVE_ITEM arg_EXPECT nothing)
    list(JOIN arg_EXPECT "," kinds)
    list(APPEND run --expect=${kinds})
  endif()
  if(arg_MAY)
    list(JOIN arg_MAY "," kinds)
    list(APPEND run --may=${kinds})
  endif()

  set(program ${arg_COMMAND})
  if(TARGET ${arg_COMMAND})
    set(program $<TARGET_FILE:${arg_COMMAND}>)
  endif()
  add_test(NAME ${arg_NAME} COMMAND ${arg_UNDER} $<TARGET_FILE:vigil::command> ${run} -- ${program} ${arg_ARGS})
  set_tests_properties(${arg_NAME} PROPERTIES LABELS "vigil;${arg_LABELS}" TIMEOUT ${timeout})
  if(NOT arg_OPTIONS MATCHES "(^|;)report_dir=")  # alone, it would leave the fixture nothing to merge
    set_tests_properties(${arg_NAME} PROPERTIES FIXTURES_REQUIRED vigil_reports)
    _vigil_add_report_fixture(${reports})
  endif()
endfunction()
