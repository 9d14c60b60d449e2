# install(): headers, libraries, and a package that find_package(tandem COMPONENTS http) finds.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(tandem_package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/tandem")

install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/tandem" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
        FILES_MATCHING PATTERN "*.hpp" PATTERN "*.ipp")
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" "${PROJECT_SOURCE_DIR}/docs/gcc12.md" TYPE DOC)

install(TARGETS tandem EXPORT tandemTargets)
install(EXPORT tandemTargets NAMESPACE tandem:: DESTINATION "${tandem_package_dir}")
if(TARGET tandem_http)
    install(TARGETS tandem_http EXPORT tandemHttpTargets)
    install(EXPORT tandemHttpTargets NAMESPACE tandem:: DESTINATION "${tandem_package_dir}")
endif()

configure_package_config_file(
    "${PROJECT_SOURCE_DIR}/cmake/tandemConfig.cmake.in" "${PROJECT_BINARY_DIR}/tandemConfig.cmake"
    INSTALL_DESTINATION "${tandem_package_dir}" NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file("${PROJECT_BINARY_DIR}/tandemConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(
    FILES "${PROJECT_BINARY_DIR}/tandemConfig.cmake" "${PROJECT_BINARY_DIR}/tandemConfigVersion.cmake"
          "${PROJECT_SOURCE_DIR}/cmake/TandemBoost.cmake" "${PROJECT_SOURCE_DIR}/cmake/TandemGcc12.cmake"
          "${PROJECT_SOURCE_DIR}/cmake/FindLibIdn2.cmake" "${PROJECT_SOURCE_DIR}/cmake/FindCAres.cmake"
          "${PROJECT_SOURCE_DIR}/cmake/FindLibPsl.cmake" "${PROJECT_SOURCE_DIR}/cmake/FindNghttp2.cmake"
          "${PROJECT_SOURCE_DIR}/cmake/FindBrotli.cmake" "${PROJECT_SOURCE_DIR}/cmake/FindZstd.cmake"
    DESTINATION "${tandem_package_dir}")
