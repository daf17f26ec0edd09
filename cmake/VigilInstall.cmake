# What `cmake --install` puts beside the libraries: the package that find_package(vigil CONFIG) loads. Each part
# installs its own target; the runtime's goes into the export set vigilTargets. Components are what packages are made of
# (VigilPackages.cmake).
include(CMakePackageConfigHelpers)
set(VIGIL_PACKAGE_FOLDER ${CMAKE_INSTALL_LIBDIR}/cmake/vigil)
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/vigilConfig.cmake.in ${PROJECT_BINARY_DIR}/vigilConfig.cmake
                              INSTALL_DESTINATION ${VIGIL_PACKAGE_FOLDER})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/vigilConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(EXPORT vigilTargets NAMESPACE vigil:: DESTINATION ${VIGIL_PACKAGE_FOLDER} COMPONENT development)
install(FILES ${PROJECT_BINARY_DIR}/vigilConfig.cmake ${PROJECT_BINARY_DIR}/vigilConfigVersion.cmake
              ${PROJECT_SOURCE_DIR}/cmake/VigilTest.cmake ${PROJECT_SOURCE_DIR}/cmake/VigilInstrument.cmake
              ${PROJECT_SOURCE_DIR}/cmake/VigilGTest.cmake ${PROJECT_SOURCE_DIR}/cmake/VigilGTestList.cmake
        DESTINATION ${VIGIL_PACKAGE_FOLDER} COMPONENT development)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/cmake/instrumented DESTINATION ${VIGIL_PACKAGE_FOLDER} COMPONENT development)

# For those who build with something else. The prefix is where the file lies, so the folder can be moved.
file(RELATIVE_PATH vigil_pc_prefix /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
string(PREPEND vigil_pc_prefix "\${pcfiledir}/")
string(REGEX REPLACE "/$" "" vigil_pc_prefix ${vigil_pc_prefix})
foreach(name IN ITEMS vigil vigil-instrument)
  configure_file(${PROJECT_SOURCE_DIR}/cmake/${name}.pc.in ${PROJECT_BINARY_DIR}/${name}.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/${name}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT development)
endforeach()

