# One program for the primitives above the core: sources here are <unit>_test.cpp.
set(units items rw_mutex once cond timer context_tree semaphore selector stop error_group blocking worker_pool robustness lifetime misuse)
list(TRANSFORM units APPEND _test.cpp)
add_executable(primitives_tests ${units})
target_link_libraries(primitives_tests PRIVATE runtime_test_support)
vigil_test_target(primitives_tests)
vigil_unity(primitives_tests)
set_target_properties(primitives_tests PROPERTIES ENABLE_EXPORTS ON)  # its probes take the place of the library's
gtest_discover_tests(primitives_tests DISCOVERY_MODE PRE_TEST PROPERTIES ${properties})
