# One program for each primitive above the core: sources here are <unit>_test.cpp.
foreach(unit IN ITEMS rw_mutex once cond timer context_tree semaphore selector stop error_group blocking worker_pool robustness)
  add_executable(${unit}_test ${unit}_test.cpp world.cpp support.cpp)
  vigil_target(${unit}_test)
  target_link_libraries(${unit}_test PRIVATE vigil::vigil GTest::gtest_main)
  set_target_properties(${unit}_test PROPERTIES ENABLE_EXPORTS ON)  # its probes take the place of the library's
  gtest_discover_tests(${unit}_test DISCOVERY_MODE PRE_TEST PROPERTIES TIMEOUT 120)
endforeach()
