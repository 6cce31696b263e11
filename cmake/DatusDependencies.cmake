# Finds every third-party package and gives each one a target, so that the layers name targets only.
# All that is missing is reported at once, with the names under which package managers know it.

set(DATUS_MISSING "")

# datus_missing(NAME DEBIAN SPACK CONDA): notes a package for the report at the end.
function(datus_missing NAME DEBIAN SPACK CONDA)
  string(APPEND DATUS_MISSING "\n  ${NAME}: Debian/Ubuntu '${DEBIAN}', Spack '${SPACK}', conda-forge '${CONDA}'")
  set(DATUS_MISSING "${DATUS_MISSING}" PARENT_SCOPE)
endfunction()

# datus_interface(NAME INCLUDES LIBRARIES): target datus::NAME for a package that brings none.
function(datus_interface NAME INCLUDES LIBRARIES)
  add_library(datus_${NAME} INTERFACE)
  add_library(datus::${NAME} ALIAS datus_${NAME})
  target_include_directories(datus_${NAME} SYSTEM INTERFACE ${INCLUDES})
  target_link_libraries(datus_${NAME} INTERFACE ${LIBRARIES})
endfunction()

find_package(Threads REQUIRED)
find_package(MPI COMPONENTS CXX)
if(NOT MPI_CXX_FOUND)
  datus_missing(MPI "libopenmpi-dev openmpi-bin" openmpi openmpi)
endif()
find_package(Eigen3 3.3 NO_MODULE)
if(NOT Eigen3_FOUND)
  datus_missing(Eigen libeigen3-dev eigen eigen)
endif()
find_package(yaml-cpp)
if(NOT yaml-cpp_FOUND)
  datus_missing(yaml-cpp libyaml-cpp-dev yaml-cpp yaml-cpp)
endif()
find_package(spdlog)
if(NOT spdlog_FOUND)
  datus_missing(spdlog libspdlog-dev spdlog spdlog)
endif()
find_package(nlohmann_json)
if(NOT nlohmann_json_FOUND)
  datus_missing("JSON for Modern C++" nlohmann-json3-dev nlohmann-json nlohmann_json)
endif()
find_package(CLI11)
if(NOT CLI11_FOUND)
  datus_missing(CLI11 libcli11-dev cli11 cli11)
endif()
find_package(PNG)
if(NOT PNG_FOUND)
  datus_missing(libpng libpng-dev libpng libpng)
endif()

# One writer per file: the serial library is enough, and must be the one found where both are installed.
set(HDF5_PREFER_PARALLEL OFF)
find_package(HDF5 COMPONENTS C)
if(HDF5_FOUND)
  datus_interface(hdf5 "${HDF5_C_INCLUDE_DIRS}" "${HDF5_C_LIBRARIES}")
  target_compile_definitions(datus_hdf5 INTERFACE ${HDF5_C_DEFINITIONS})
else()
  datus_missing(HDF5 libhdf5-dev hdf5~mpi hdf5)
endif()

find_path(TURBOJPEG_INCLUDE_DIR turbojpeg.h)
find_library(TURBOJPEG_LIBRARY turbojpeg)
if(TURBOJPEG_INCLUDE_DIR AND TURBOJPEG_LIBRARY)
  datus_interface(turbojpeg "${TURBOJPEG_INCLUDE_DIR}" "${TURBOJPEG_LIBRARY}")
else()
  datus_missing(libjpeg-turbo libturbojpeg0-dev libjpeg-turbo libjpeg-turbo)
endif()

find_path(STB_INCLUDE_DIR stb_image.h PATH_SUFFIXES stb)
if(STB_INCLUDE_DIR)
  datus_interface(stb "${STB_INCLUDE_DIR}" "")
else()
  datus_missing(stb libstb-dev stb stb)
endif()

find_path(XXHASH_INCLUDE_DIR xxhash.h)
find_library(XXHASH_LIBRARY xxhash)
if(XXHASH_INCLUDE_DIR AND XXHASH_LIBRARY)
  datus_interface(xxhash "${XXHASH_INCLUDE_DIR}" "${XXHASH_LIBRARY}")
else()
  datus_missing(xxHash libxxhash-dev xxhash xxhash)
endif()

find_package(Torch QUIET)
if(TORCH_FOUND OR Torch_FOUND)
  datus_interface(torch "${TORCH_INCLUDE_DIRS}" "${TORCH_LIBRARIES}")
  # Some builds of LibTorch use the old string ABI; its flags decide for everything that links to it.
  separate_arguments(DATUS_TORCH_FLAGS UNIX_COMMAND "${TORCH_CXX_FLAGS}")
  add_compile_options(${DATUS_TORCH_FLAGS})
else()
  datus_missing("LibTorch (or 'pip install torch' and -DCMAKE_PREFIX_PATH=.../site-packages/torch)"
    libtorch-dev py-torch libtorch)
endif()

if(DATUS_TESTS)
  find_package(GTest)
  if(NOT GTest_FOUND)
    datus_missing("GoogleTest (or -DDATUS_TESTS=OFF)" libgtest-dev googletest gtest)
  endif()
endif()

if(DATUS_MISSING)
  message(FATAL_ERROR "datus cannot be built yet. CMake does not find:${DATUS_MISSING}\n"
    "On a cluster, load the site's modules (for example 'module load cmake gcc openmpi hdf5'), or install the rest with "
    "Spack ('spack install NAME && spack load NAME') or conda ('conda install -c conda-forge NAME'); "
    "for other places set CMAKE_PREFIX_PATH to them, separated by ';'. Then run the same command again.")
endif()
