# Run by ctest itself, with what vigil_discover_gtests() has set: adds a test for each test of the program.

# What the program says of itself is kept until it is built anew.
if(EXISTS ${vigil_program} AND (NOT EXISTS ${vigil_list} OR ${vigil_program} IS_NEWER_THAN ${vigil_list}))
  execute_process(COMMAND ${vigil_program} --gtest_list_tests ${vigil_args} OUTPUT_VARIABLE vigil_listed
                  RESULT_VARIABLE vigil_result TIMEOUT 60)
  if(vigil_result EQUAL 0)
    file(WRITE ${vigil_list} "${vigil_listed}")
  else()
    file(REMOVE ${vigil_list})
  endif()
endif()

if(NOT EXISTS ${vigil_program} OR NOT EXISTS ${vigil_list})
  # Never silently no test at all.
  add_test(${vigil_prefix}${vigil_target}_CANNOT_BE_LISTED ${vigil_program} --gtest_list_tests)
  set_tests_properties(${vigil_prefix}${vigil_target}_CANNOT_BE_LISTED PROPERTIES LABELS "${vigil_labels}" WILL_FAIL FALSE)
else()
  # "Suite." begins a line, its tests stand below, indented; what follows a # says of which type or value they are.
  file(READ ${vigil_list} vigil_lines)
  string(REGEX REPLACE " +#[^\n]*" "" vigil_lines "${vigil_lines}")
  string(REGEX REPLACE "[][;\\\\]" "_" vigil_lines "${vigil_lines}") # no name has these, and CMake's lists mind them
  string(REPLACE "\n" ";" vigil_lines "${vigil_lines}")
  set(vigil_suite "")
  foreach(vigil_line IN LISTS vigil_lines)
    if(vigil_line MATCHES "^([^ ]+[.])$")
      set(vigil_suite ${CMAKE_MATCH_1})
    elseif(vigil_line MATCHES "^ +([A-Za-z0-9_/.-]+)" AND vigil_suite)
      set(vigil_test ${vigil_suite}${CMAKE_MATCH_1})
      set(vigil_name ${vigil_prefix}${vigil_test})
      string(MAKE_C_IDENTIFIER ${vigil_name} vigil_folder)
      add_test(${vigil_name} ${vigil_under} ${vigil_command} run --report_dir=${vigil_reports}/${vigil_folder} ${vigil_options} --
               ${vigil_program} --gtest_filter=${vigil_test} --gtest_also_run_disabled_tests ${vigil_args})
      set_tests_properties(${vigil_name} PROPERTIES LABELS "${vigil_labels}" TIMEOUT ${vigil_timeout})
      if(NOT vigil_options MATCHES "(^|;)--report_dir=")
        set_tests_properties(${vigil_name} PROPERTIES FIXTURES_REQUIRED vigil_reports)
      endif()
      if(vigil_test MATCHES "(^|[./])DISABLED_")
        set_tests_properties(${vigil_name} PROPERTIES DISABLED TRUE)
      endif()
    endif()
  endforeach()
endif()
