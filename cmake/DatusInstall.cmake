# SPDX-License-Identifier: Apache-2.0
# cmake --install, and the packages of cpack: the program, the layers as libraries for find_package(datus), what it comes with, its
# manual and completions. All paths are relative: an installed tree may be moved.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(DATUS_MODULE_FOLDER ${CMAKE_INSTALL_LIBDIR}/datus)
set(DATUS_PACKAGE_FOLDER ${CMAKE_INSTALL_LIBDIR}/cmake/datus)
file(RELATIVE_PATH DATUS_BIN_TO_MODULE /${CMAKE_INSTALL_BINDIR} /${DATUS_MODULE_FOLDER})
set_target_properties(datus PROPERTIES INSTALL_RPATH "$ORIGIN/${DATUS_BIN_TO_MODULE}")
# Libraries of modules, Spack or pip are found where they were when it was built.
set_target_properties(datus datus_transformer_library PROPERTIES INSTALL_RPATH_USE_LINK_PATH ON)
install(TARGETS datus RUNTIME)
# It is opened by name: programs that link datus::transformer_module look where it lies.
install(TARGETS datus_transformer_library LIBRARY DESTINATION ${DATUS_MODULE_FOLDER})
target_link_options(datus_transformer_module INTERFACE "$<INSTALL_INTERFACE:LINKER:-rpath,$<INSTALL_PREFIX>/${DATUS_MODULE_FOLDER}>")

# The layers. LibTorch is the module's alone, so that who links them needs none.
set(DATUS_LAYERS core config comm io algo model pipeline transformer_module)
list(TRANSFORM DATUS_LAYERS PREPEND datus_ OUTPUT_VARIABLE DATUS_LAYER_TARGETS)
install(TARGETS ${DATUS_LAYER_TARGETS} EXPORT datusTargets ARCHIVE)
install(DIRECTORY include/datus DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.hpp")
install(EXPORT datusTargets NAMESPACE datus:: DESTINATION ${DATUS_PACKAGE_FOLDER})
configure_package_config_file(cmake/datusConfig.cmake.in datusConfig.cmake INSTALL_DESTINATION ${DATUS_PACKAGE_FOLDER})
write_basic_package_version_file(datusConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/datusConfig.cmake ${PROJECT_BINARY_DIR}/datusConfigVersion.cmake cmake/DatusLibraries.cmake
  cmake/FindNCCL.cmake DESTINATION ${DATUS_PACKAGE_FOLDER})

# What it comes with: configurations beside the sample that they name, scripts for Slurm, documentation.
install(DIRECTORY configs data DESTINATION ${CMAKE_INSTALL_DATADIR}/datus)
install(DIRECTORY slurm DESTINATION ${CMAKE_INSTALL_DATADIR}/datus USE_SOURCE_PERMISSIONS PATTERN site.sh EXCLUDE)
install(DIRECTORY docs DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES README.md LICENSE NOTICE CHANGELOG.md CITATION.cff SECURITY.md DESTINATION ${CMAKE_INSTALL_DOCDIR})

# The program knows its own manual and completions.
set(DATUS_PAGES ${PROJECT_BINARY_DIR}/pages)
install(CODE "execute_process(COMMAND \"${CMAKE_COMMAND}\" \"-DPROGRAM=$<TARGET_FILE:datus>\" \"-DFOLDER=${DATUS_PAGES}\" -P
  \"${PROJECT_SOURCE_DIR}/cmake/write_pages.cmake\" COMMAND_ERROR_IS_FATAL ANY)")
install(DIRECTORY ${DATUS_PAGES}/man/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES ${DATUS_PAGES}/completions/datus DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES ${DATUS_PAGES}/completions/_datus DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions)
install(FILES ${DATUS_PAGES}/completions/datus.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)

set(CPACK_PACKAGE_NAME datus)
set(CPACK_PACKAGE_VENDOR "The datus developers")
set(CPACK_PACKAGE_CONTACT "The datus developers <datus@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "dense semantic masks from images without labels")
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
set(CPACK_GENERATOR DEB TGZ)
set(CPACK_STRIP_FILES ON)
set(CPACK_VERBATIM_VARIABLES ON)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_DEPENDS openmpi-bin)
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "libopenblas0-pthread, man-db, bash-completion")
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
# Which packages have the libraries is what dpkg-shlibdeps finds out.
find_program(DPKG_SHLIBDEPS dpkg-shlibdeps)
if(DPKG_SHLIBDEPS)
  set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
endif()
include(CPack)
