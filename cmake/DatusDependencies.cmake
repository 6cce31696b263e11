# Finds every third-party package and gives each one a target, so that the layers name targets only.

find_package(Threads REQUIRED)
find_package(MPI REQUIRED COMPONENTS CXX)
find_package(Eigen3 3.3 REQUIRED NO_MODULE)
find_package(yaml-cpp REQUIRED)
find_package(spdlog REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
find_package(PNG REQUIRED)
find_package(PkgConfig REQUIRED)

# One writer per file: the serial library is enough, and must be the one found where both are installed.
set(HDF5_PREFER_PARALLEL OFF)
find_package(HDF5 REQUIRED COMPONENTS C)
add_library(datus_hdf5 INTERFACE)
add_library(datus::hdf5 ALIAS datus_hdf5)
target_include_directories(datus_hdf5 SYSTEM INTERFACE ${HDF5_C_INCLUDE_DIRS})
target_compile_definitions(datus_hdf5 INTERFACE ${HDF5_C_DEFINITIONS})
target_link_libraries(datus_hdf5 INTERFACE ${HDF5_C_LIBRARIES})

pkg_check_modules(TURBOJPEG REQUIRED IMPORTED_TARGET libturbojpeg)
add_library(datus_turbojpeg INTERFACE)
add_library(datus::turbojpeg ALIAS datus_turbojpeg)
target_link_libraries(datus_turbojpeg INTERFACE PkgConfig::TURBOJPEG)

find_path(STB_INCLUDE_DIR NAMES stb_image.h stb/stb_image.h PATH_SUFFIXES stb REQUIRED)
add_library(datus_stb INTERFACE)
add_library(datus::stb ALIAS datus_stb)
target_include_directories(datus_stb SYSTEM INTERFACE ${STB_INCLUDE_DIR})

find_path(XXHASH_INCLUDE_DIR xxhash.h REQUIRED)
find_library(XXHASH_LIBRARY xxhash REQUIRED)
add_library(datus_xxhash INTERFACE)
add_library(xxHash::xxhash ALIAS datus_xxhash)
target_include_directories(datus_xxhash SYSTEM INTERFACE ${XXHASH_INCLUDE_DIR})
target_link_libraries(datus_xxhash INTERFACE ${XXHASH_LIBRARY})

find_package(Torch REQUIRED)
add_library(datus_torch INTERFACE)
add_library(datus::torch ALIAS datus_torch)
target_include_directories(datus_torch SYSTEM INTERFACE ${TORCH_INCLUDE_DIRS})
target_link_libraries(datus_torch INTERFACE ${TORCH_LIBRARIES})
# pip's LibTorch is built with the old string ABI in some versions; its flags decide for everything that links to it.
separate_arguments(DATUS_TORCH_FLAGS UNIX_COMMAND "${TORCH_CXX_FLAGS}")
add_compile_options(${DATUS_TORCH_FLAGS})
