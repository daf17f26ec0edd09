# vigil_instrument(<target>...): compiles the targets' C and C++ sources so that vigil sees every access to memory, and
# links vigil::instrument. Part of the installed package.
#
# The compiler is told what it is told for ThreadSanitizer, the linker is not: in place of that runtime comes
# libvigil_instrument.so, which does nothing, and under vigil's shim the shim's own engine. Executables and shared
# libraries link it themselves; who links a static or object library gets it from there. Every part of a program that
# shares memory with others should be instrumented; what is not is not checked, and nothing is reported of it.
include_guard(GLOBAL)

function(vigil_instrument)
  if(NOT ARGN)
    message(FATAL_ERROR "vigil_instrument: which target?")
  endif()
  set(compiled "$<COMPILE_LANGUAGE:C,CXX>")
  # g++ expands a copy of fixed size in place and leaves it out of the instrumentation: as a call it is seen.
  set(copies "$<COMPILE_LANG_AND_ID:C,GNU>,$<COMPILE_LANG_AND_ID:CXX,GNU>")
  # g++ instruments where it makes machine code: with -flto that is the link, which is not told of it, and what is linked
  # would have no instrumentation at all.
  set(now "${copies}")
  # clang leaves accesses of 32 bytes and more out: what it vectorises by itself stays below that.
  set(wide "$<COMPILE_LANG_AND_ID:C,Clang>,$<COMPILE_LANG_AND_ID:CXX,Clang>")
  foreach(target IN LISTS ARGN)
    if(NOT TARGET ${target})
      message(FATAL_ERROR "vigil_instrument: there is no target '${target}'")
    endif()
    get_target_property(aliased ${target} ALIASED_TARGET)
    get_target_property(imported ${target} IMPORTED)
    get_target_property(type ${target} TYPE)
    if(aliased OR imported OR type STREQUAL "INTERFACE_LIBRARY" OR type STREQUAL "UTILITY")
      message(FATAL_ERROR "vigil_instrument: '${target}' is not compiled here")
    endif()
    get_target_property(known ${target} VIGIL_INSTRUMENTED)
    if(known)
      continue()
    endif()
    set_target_properties(${target} PROPERTIES VIGIL_INSTRUMENTED ON)
    target_compile_options(${target} PRIVATE
      "$<${compiled}:-fsanitize=thread;-fno-omit-frame-pointer;-g>"
      "$<$<OR:${now}>:-fno-lto>"
      "$<$<OR:${copies}>:-fno-builtin-memcpy;-fno-builtin-memmove;-fno-builtin-memset>"
      "$<$<OR:${wide}>:-mprefer-vector-width=128>")
    # Before all that the system has, after all that the project says.
    target_include_directories(${target} SYSTEM PRIVATE "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/instrumented")
    # As properties: target_link_libraries() demands the form, with or without keyword, that the project chose.
    set_property(TARGET ${target} APPEND PROPERTY LINK_LIBRARIES vigil::instrument)
    if(type STREQUAL "STATIC_LIBRARY" OR type STREQUAL "OBJECT_LIBRARY")
      set_property(TARGET ${target} APPEND PROPERTY INTERFACE_LINK_LIBRARIES vigil::instrument)
    endif()
  endforeach()
endfunction()
