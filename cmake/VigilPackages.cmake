# Debian packages, by component, from what is built: `cpack` in a build folder, or `cmake --build FOLDER -t package`.
#
#   libvigil0      runtime      the two libraries that programs are linked to
#   libvigil-dev   development  headers, CMake package, pkg-config files
#   vigil          tools        the command, the shim it preloads, its manual
#
# Where the libraries go is decided when the folder is configured: with -DCMAKE_INSTALL_PREFIX=/usr into Debian's own
# multiarch folder, else into /usr/lib.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_VENDOR vigil)
set(CPACK_PACKAGE_CONTACT "the maintainers of vigil <vigil@example.org>")
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL runtime development tools)
set(CPACK_COMPONENTS_GROUPING IGNORE)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
# What a package needs of the system is read from its files; what they need of each other is found in the build folder.
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${PROJECT_BINARY_DIR}/lib)
# What others' packages need of it is read from a file it brings along.
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS_POLICY "=")

# What Debian's policy asks of every package: whose it is, what changed, and a word to the loader.
set(vigil_debian ${PROJECT_BINARY_DIR}/debian)
file(WRITE ${vigil_debian}/triggers "activate-noawait ldconfig\n")
configure_file(${PROJECT_SOURCE_DIR}/cmake/debian/changelog.in ${vigil_debian}/changelog @ONLY)
execute_process(COMMAND gzip -9nkf ${vigil_debian}/changelog)
foreach(pair IN ITEMS runtime:libvigil${PROJECT_VERSION_MAJOR} development:libvigil-dev tools:vigil)
  string(REPLACE ":" ";" pair ${pair})
  list(GET pair 0 component)
  list(GET pair 1 package)
  install(FILES ${PROJECT_SOURCE_DIR}/cmake/debian/copyright ${vigil_debian}/changelog.gz
          DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/${package} COMPONENT ${component} OPTIONAL)
endforeach()
install(FILES ${PROJECT_SOURCE_DIR}/cmake/debian/libvigil-dev.lintian-overrides DESTINATION ${CMAKE_INSTALL_DATADIR}/lintian/overrides
        RENAME libvigil-dev COMPONENT development)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_CONTROL_EXTRA ${vigil_debian}/triggers)
set(CPACK_DEBIAN_TOOLS_PACKAGE_CONTROL_EXTRA ${vigil_debian}/triggers)

set(CPACK_DEBIAN_RUNTIME_PACKAGE_NAME libvigil${PROJECT_VERSION_MAJOR})
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SECTION libs)
set(CPACK_COMPONENT_RUNTIME_DESCRIPTION "Go-style concurrency for C++20: shared libraries
 Tasks, channels, select, mutexes, wait groups and contexts with the semantics
 of Go.")

set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libvigil-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS "libvigil${PROJECT_VERSION_MAJOR} (= ${PROJECT_VERSION})")
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_RECOMMENDS "vigil (= ${PROJECT_VERSION})")
set(CPACK_COMPONENT_DEVELOPMENT_DESCRIPTION "Go-style concurrency for C++20: development files
 Headers, a CMake package with vigil_add_test, vigil_discover_gtests and
 vigil_instrument, and pkg-config files.")

set(CPACK_DEBIAN_TOOLS_PACKAGE_NAME vigil)
set(CPACK_DEBIAN_TOOLS_PACKAGE_SECTION devel)
set(CPACK_COMPONENT_TOOLS_DESCRIPTION "finds races, deadlocks, leaked tasks and misuse in running programs
 Preloaded into any program that uses threads or the tasks and channels of
 libvigil, it tells what went wrong, with stacks, and what another schedule
 would have turned into a deadlock, as a page, as JSON, or for other tools.")

include(CPack)
