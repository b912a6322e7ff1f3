# Installs the library, the header, the runner, a CMake package and a pkg-config file.
include(CMakePackageConfigHelpers)

# Relocatable: first the folder of the library, then the libtorch of the build.
set(EDGEKIT_RUNTIME_PATHS "$ORIGIN" "$ORIGIN/../${CMAKE_INSTALL_LIBDIR}")
if(EDGEKIT_WITH_TORCH AND NOT CMAKE_CROSSCOMPILING)
  list(APPEND EDGEKIT_RUNTIME_PATHS ${EDGEKIT_TORCH_ROOT}/lib)
endif()
set_target_properties(edgekit edgekit-runner PROPERTIES INSTALL_RPATH "${EDGEKIT_RUNTIME_PATHS}")
# DT_RPATH also applies to the libraries of libraries: libpng of a bundle finds its libz.
target_link_options(edgekit PRIVATE -Wl,--disable-new-dtags)
target_link_options(edgekit-runner PRIVATE -Wl,--disable-new-dtags)

install(TARGETS edgekit EXPORT edgekit-targets
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT runtime NAMELINK_COMPONENT development)
install(TARGETS edgekit-runner RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT runtime)
install(FILES include/edgekit/edgekit.h ${EDGEKIT_GENERATED_INCLUDE}/edgekit/version.h
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/edgekit COMPONENT development)

set(EDGEKIT_CONFIG_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/edgekit)
install(EXPORT edgekit-targets NAMESPACE edgekit:: DESTINATION ${EDGEKIT_CONFIG_DIR} COMPONENT development)
configure_package_config_file(cmake/edgekit-config.cmake.in edgekit-config.cmake INSTALL_DESTINATION ${EDGEKIT_CONFIG_DIR})
write_basic_package_version_file(edgekit-config-version.cmake COMPATIBILITY ${EDGEKIT_COMPATIBILITY})
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/edgekit-config.cmake ${CMAKE_CURRENT_BINARY_DIR}/edgekit-config-version.cmake
  DESTINATION ${EDGEKIT_CONFIG_DIR} COMPONENT development)

file(RELATIVE_PATH EDGEKIT_LIBDIR_TO_INCLUDEDIR ${CMAKE_INSTALL_FULL_LIBDIR} ${CMAKE_INSTALL_FULL_INCLUDEDIR})
configure_file(cmake/edgekit.pc.in edgekit.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/edgekit.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT development)
