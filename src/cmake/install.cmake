# What `cmake --install` and `cpack` carry: the library with its CMake package and its .pc file, headers, and of the
# rest what was built.
include(CMakePackageConfigHelpers)

install(TARGETS wavestride EXPORT wavestride INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN *.h)
install(FILES LICENSE README.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
if(WAVESTRIDE_MODELS)
  install(DIRECTORY src/data/ DESTINATION ${CMAKE_INSTALL_DATADIR}/wavestride PATTERN README.md EXCLUDE)
endif()
if(WAVESTRIDE_TOOL)
  install(TARGETS wavestride_tool)
  install(FILES ${PROJECT_BINARY_DIR}/wavestride.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 OPTIONAL)
  if(BUILD_SHARED_LIBS)  # found wherever the whole is unpacked
    file(RELATIVE_PATH to_library ${CMAKE_INSTALL_FULL_BINDIR} ${CMAKE_INSTALL_FULL_LIBDIR})
    set_target_properties(wavestride_tool PROPERTIES INSTALL_RPATH "$ORIGIN/${to_library}")
  endif()
endif()

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/wavestride)
install(EXPORT wavestride NAMESPACE wavestride:: FILE wavestride-targets.cmake DESTINATION ${package_dir})
configure_package_config_file(src/cmake/wavestride-config.cmake.in wavestride-config.cmake
  INSTALL_DESTINATION ${package_dir} NO_SET_AND_CHECK_MACRO NO_CHECK_REQUIRED_COMPONENTS_MACRO)
write_basic_package_version_file(wavestride-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/wavestride-config.cmake ${PROJECT_BINARY_DIR}/wavestride-config-version.cmake
  DESTINATION ${package_dir})

# Directories may be absolute or relative to the prefix.
foreach(directory includedir libdir)
  string(TOUPPER CMAKE_INSTALL_${directory} variable)
  set(wavestride_pc_${directory} "\${prefix}")
  cmake_path(APPEND wavestride_pc_${directory} ${${variable}})
endforeach()
file(RELATIVE_PATH wavestride_pc_to_prefix ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
foreach(definition ${wavestride_definitions} ${wavestride_eigen})
  string(APPEND wavestride_pc_definitions " -D${definition}")
endforeach()
if(NOT BUILD_SHARED_LIBS)  # who links a static library links what it uses, too
  list(JOIN wavestride_modules " " modules)
  set(wavestride_pc_requires " libhwy ${modules}")
  set(wavestride_pc_libs " -pthread")
endif()
configure_file(src/cmake/wavestride.pc.in wavestride.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/wavestride.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_CONTACT "Wavestride developers <wavestride@localhost>")
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS libeigen3-dev)
if(NOT BUILD_SHARED_LIBS)
  string(APPEND CPACK_DEBIAN_PACKAGE_DEPENDS ", libhwy-dev, libfftw3-dev, libsndfile1-dev, libyaml-cpp-dev")
endif()
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_SET_DESTDIR OFF)
include(CPack)
