# The shim carries its own libstdc++, as a static library, and wraps two functions of the program's. One name cannot
# be both, so in our copy of the archive those two have other names (wrap_cxxabi.cpp uses them for throws of our own).
execute_process(COMMAND ${CMAKE_CXX_COMPILER} -print-file-name=libstdc++.a OUTPUT_VARIABLE system_libstdcxx
                OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
set(VIGIL_OWN_LIBSTDCXX ${CMAKE_CURRENT_BINARY_DIR}/libvigil_own_stdc++.a)
add_custom_command(OUTPUT ${VIGIL_OWN_LIBSTDCXX} DEPENDS ${system_libstdcxx} VERBATIM
                   COMMAND ${CMAKE_OBJCOPY} --redefine-sym __cxa_throw=vigil_own_cxa_throw
                           --redefine-sym __cxa_guard_release=vigil_own_cxa_guard_release ${system_libstdcxx} ${VIGIL_OWN_LIBSTDCXX})
add_custom_target(vigil_own_libstdcxx DEPENDS ${VIGIL_OWN_LIBSTDCXX})
