# What `cmake --install` lays down: headers, library, program, and how find_package and pkg-config find them.
include(CMakePackageConfigHelpers)

set(handgrad_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/handgrad)

install(TARGETS handgrad EXPORT handgrad FILE_SET HEADERS)
if(TARGET handgrad_program)
  install(TARGETS handgrad_program)
endif()
if(HANDGRAD_C)
  install(TARGETS handgrad_c EXPORT handgrad_c FILE_SET HEADERS)
  install(TARGETS handgrad_c_static EXPORT handgrad FILE_SET HEADERS)
  install(EXPORT handgrad_c NAMESPACE handgrad:: FILE handgradCTargets.cmake DESTINATION ${handgrad_package_dir})
  install(FILES ${PROJECT_SOURCE_DIR}/fortran/handgrad.f90 DESTINATION ${CMAKE_INSTALL_DATADIR}/handgrad/fortran)
  install(FILES ${PROJECT_SOURCE_DIR}/cmake/HandgradFortran.cmake DESTINATION ${handgrad_package_dir})
endif()
install(EXPORT handgrad NAMESPACE handgrad:: FILE handgradTargets.cmake DESTINATION ${handgrad_package_dir})
# The build tree can be found as well: the Python package of the tests is linked with the archive that lies there.
export(EXPORT handgrad NAMESPACE handgrad:: FILE ${PROJECT_BINARY_DIR}/handgradTargets.cmake)
configure_package_config_file(
  cmake/handgradConfig.cmake.in handgradConfig.cmake INSTALL_DESTINATION ${handgrad_package_dir}
  PATH_VARS CMAKE_INSTALL_DATADIR)
write_basic_package_version_file(handgradConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/handgradConfig.cmake ${PROJECT_BINARY_DIR}/handgradConfigVersion.cmake
        DESTINATION ${handgrad_package_dir})

# An archive brings its dependencies to every link line, a shared library keeps them to itself.
get_target_property(handgrad_type handgrad TYPE)
if(handgrad_type STREQUAL "STATIC_LIBRARY")
  set(handgrad_requires Requires)
else()
  set(handgrad_requires Requires.private)
endif()
# The prefix relative to the file, so that an installed tree may be moved.
cmake_path(RELATIVE_PATH CMAKE_INSTALL_PREFIX BASE_DIRECTORY ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig
           OUTPUT_VARIABLE handgrad_pc_prefix)
configure_file(cmake/handgrad.pc.in handgrad.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/handgrad.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
if(HANDGRAD_C)
  configure_file(cmake/handgrad_c.pc.in handgrad_c.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/handgrad_c.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endif()
