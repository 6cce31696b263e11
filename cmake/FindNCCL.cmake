# SPDX-License-Identifier: Apache-2.0
# FindNCCL: NVIDIA's collectives. Defines NCCL_FOUND, NCCL_VERSION and the target NCCL::nccl.
#
# Looked for in this order: NCCL_ROOT (variable or environment), the copy that comes with a LibTorch from pip (so that the
# process has one NCCL and not two), the CUDA toolkit, the system. A library without the link libnccl.so is taken too:
# packages of pip hold libnccl.so.2 only.

set(NCCL_HINTS "")
foreach(PREFIX ${CMAKE_PREFIX_PATH})
  # .../site-packages/torch -> .../site-packages/nvidia/nccl
  get_filename_component(NCCL_SITE_PACKAGES "${PREFIX}" DIRECTORY)
  list(APPEND NCCL_HINTS "${NCCL_SITE_PACKAGES}/nvidia/nccl")
endforeach()
foreach(FOLDER ${CUDAToolkit_INCLUDE_DIRS})
  get_filename_component(NCCL_TOOLKIT "${FOLDER}" DIRECTORY)
  list(APPEND NCCL_HINTS "${NCCL_TOOLKIT}")
endforeach()
if(CUDAToolkit_LIBRARY_ROOT)
  list(APPEND NCCL_HINTS "${CUDAToolkit_LIBRARY_ROOT}")
endif()

find_path(NCCL_INCLUDE_DIR nccl.h HINTS ${NCCL_ROOT} $ENV{NCCL_ROOT} ${NCCL_HINTS} PATH_SUFFIXES include)
find_library(NCCL_LIBRARY NAMES nccl libnccl.so.2 NAMES_PER_DIR HINTS ${NCCL_ROOT} $ENV{NCCL_ROOT} ${NCCL_HINTS} PATH_SUFFIXES lib lib64)
mark_as_advanced(NCCL_INCLUDE_DIR NCCL_LIBRARY)

if(NCCL_INCLUDE_DIR)
  set(NCCL_VERSION "")
  foreach(PART MAJOR MINOR PATCH)
    file(STRINGS "${NCCL_INCLUDE_DIR}/nccl.h" NCCL_LINE REGEX "^#define NCCL_${PART} +[0-9]+")
    string(REGEX REPLACE "^.* ([0-9]+) *$" "\\1" NCCL_PART "${NCCL_LINE}")
    list(APPEND NCCL_VERSION "${NCCL_PART}")
  endforeach()
  list(JOIN NCCL_VERSION "." NCCL_VERSION)
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(NCCL REQUIRED_VARS NCCL_LIBRARY NCCL_INCLUDE_DIR VERSION_VAR NCCL_VERSION)

if(NCCL_FOUND AND NOT TARGET NCCL::nccl)
  add_library(NCCL::nccl UNKNOWN IMPORTED)
  set_target_properties(NCCL::nccl PROPERTIES IMPORTED_LOCATION "${NCCL_LIBRARY}"
    INTERFACE_INCLUDE_DIRECTORIES "${NCCL_INCLUDE_DIR}")
endif()
