# SPDX-License-Identifier: Apache-2.0
# Finds every third-party package and gives each one a target, so that the layers name targets only.
# All that is missing is reported at once, with the names under which package managers know it.

include(DatusLibraries)

if(DATUS_CUDA)
  # The compiler comes first: LibTorch's own package asks for it. PyPI's LibTorch is for these generations of cards.
  if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
    set(CMAKE_CUDA_ARCHITECTURES 80 90 CACHE STRING "Generations of GPUs to compile for, for example 80;90")
  endif()
  # The module of CMake 3.25 fails with CUDA 13, which has no nvToolsExt any more, where a project asks for 3.25. LibTorch's
  # package calls it again.
  set(DATUS_CMAKE_MINIMUM "${CMAKE_MINIMUM_REQUIRED_VERSION}")
  set(CMAKE_MINIMUM_REQUIRED_VERSION 3.24)
  include(CheckLanguage)
  check_language(CUDA)
  if(CMAKE_CUDA_COMPILER)
    enable_language(CUDA)
    if(NOT DEFINED CMAKE_CUDA20_STANDARD_COMPILE_OPTION)
      # nvcc has C++20 since CUDA 12.0; CMake 3.25 does not know it yet.
      set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION "-std=c++20")
      set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION "-std=c++20")
    endif()
    find_package(CUDAToolkit 12.0)
  endif()
  if(NOT CMAKE_CUDA_COMPILER OR NOT CUDAToolkit_FOUND)
    datus_missing("CUDA toolkit >= 12 with nvcc (or -DCMAKE_CUDA_COMPILER=.../nvcc)" nvidia-cuda-toolkit cuda cuda-toolkit)
  endif()
  find_package(NCCL 2.18)
  if(NOT NCCL_FOUND)
    datus_missing("NCCL >= 2.18 (or -DNCCL_ROOT=...)" libnccl-dev nccl nccl)
  endif()
endif()
find_package(CLI11)
if(NOT CLI11_FOUND)
  datus_missing(CLI11 libcli11-dev cli11 cli11)
endif()
if(DATUS_CUDA)
  # LibTorch's package would add flags for every generation that it knows of to all CUDA files; ours come from
  # CMAKE_CUDA_ARCHITECTURES alone, which it turns off: then nvcc would make code for its oldest generation.
  set(DATUS_CUDA_FLAGS "${CMAKE_CUDA_FLAGS}")
  set(DATUS_CUDA_ARCHITECTURES "${CMAKE_CUDA_ARCHITECTURES}")
  string(REGEX REPLACE "([0-9])([af]?)(-real|-virtual)?(;|$)" ".\\1\\2\\4" TORCH_CUDA_ARCH_LIST "${CMAKE_CUDA_ARCHITECTURES}")
endif()
find_package(Torch QUIET)
if(DATUS_CUDA)
  set(CMAKE_MINIMUM_REQUIRED_VERSION "${DATUS_CMAKE_MINIMUM}")
  set(CMAKE_CUDA_FLAGS "${DATUS_CUDA_FLAGS}")
  set(CMAKE_CUDA_ARCHITECTURES "${DATUS_CUDA_ARCHITECTURES}")
endif()
if(TORCH_FOUND OR Torch_FOUND)
  datus_interface(torch "${TORCH_INCLUDE_DIRS}" "${TORCH_LIBRARIES}")
  # Some builds of LibTorch use the old string ABI, which then goes for everything that links to it.
  if(TORCH_CXX_FLAGS MATCHES "_GLIBCXX_USE_CXX11_ABI=0")
    add_compile_options("$<$<COMPILE_LANGUAGE:CXX>:-D_GLIBCXX_USE_CXX11_ABI=0>")
  endif()
  if(DATUS_CUDA AND NOT TORCH_CUDA_LIBRARIES AND NOT TARGET torch_cuda)
    datus_missing("LibTorch >= 2 with CUDA: the one in ${TORCH_INSTALL_PREFIX} is for CPUs ('pip install torch' and\n    -DCMAKE_PREFIX_PATH=.../site-packages/torch)"
      "(none)" "py-torch +cuda" "pytorch-gpu")
  endif()
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
