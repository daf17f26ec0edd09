# What `cmake --install` puts beside the libraries: the package that find_package(vigil CONFIG) loads. Each part
# installs its own target; the runtime's goes into the export set vigilTargets.
include(CMakePackageConfigHelpers)
set(VIGIL_PACKAGE_FOLDER ${CMAKE_INSTALL_LIBDIR}/cmake/vigil)
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/vigilConfig.cmake.in ${PROJECT_BINARY_DIR}/vigilConfig.cmake
                              INSTALL_DESTINATION ${VIGIL_PACKAGE_FOLDER})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/vigilConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(EXPORT vigilTargets NAMESPACE vigil:: DESTINATION ${VIGIL_PACKAGE_FOLDER})
install(FILES ${PROJECT_BINARY_DIR}/vigilConfig.cmake ${PROJECT_BINARY_DIR}/vigilConfigVersion.cmake
              ${PROJECT_SOURCE_DIR}/cmake/VigilTest.cmake ${PROJECT_SOURCE_DIR}/cmake/VigilInstrument.cmake
        DESTINATION ${VIGIL_PACKAGE_FOLDER})
