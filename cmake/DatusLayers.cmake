# SPDX-License-Identifier: Apache-2.0
# datus_add_layer(NAME [FOLDER LAYER/WING] [BUT WINGS ...] [LAYERS ...] [LIBRARIES ...] [PRIVATE_LIBRARIES ...]
#                 [CUDA_LIBRARIES ...]): one static library for src/NAME with public headers in include/datus/NAME; for the
# files of one wing alone (FOLDER), or but for those of some wings. The headers of PRIVATE_LIBRARIES and CUDA_LIBRARIES are
# for the layer's own sources: all others are compiled by the same command with CUDA and without, so that a compiler cache knows them.
#
# Files named *_avx2.cpp and *_avx512.cpp hold one SIMD path each and are the only ones compiled for that instruction set;
# the code that calls them asks the CPU first. Files in folders named cuda are compiled with DATUS_CUDA=ON only, those in
# folders named no_cuda without it only: what they define says that it is not there. Contraction of a*b+c is off everywhere: results must not depend on the path.

# GCC clears the upper halves of vector registers (vzeroupper) with this option only, which -O1, that of the sanitizer build,
# does not include. Left as they are, they slow down all other code of the process by more than ten times.
set(DATUS_VECTOR_OPTIONS $<$<CXX_COMPILER_ID:GNU>:-fexpensive-optimizations>)

set(DATUS_WARNINGS -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion)

if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  list(APPEND DATUS_WARNINGS -Wno-restrict)  # GCC 12 sees overlaps in "text" + std::string that are not there
endif()

add_library(datus_options INTERFACE)
target_compile_options(datus_options INTERFACE
  "$<$<COMPILE_LANGUAGE:CXX>:-ffp-contract=off;${DATUS_WARNINGS};$<$<BOOL:${DATUS_WARNINGS_AS_ERRORS}>:-Werror>>"
  # nvcc: no contraction on the device either, denormals kept; -Wpedantic would meet nvcc's own line markers.
  # What is constexpr (std::array, std::bit_cast) may be called on the device too.
  "$<$<COMPILE_LANGUAGE:CUDA>:--expt-relaxed-constexpr;-fmad=false;-ftz=false;-prec-div=true;-prec-sqrt=true;-Xcompiler=-ffp-contract=off,-Wall,-Wextra>"
  "$<$<AND:$<COMPILE_LANGUAGE:CUDA>,$<BOOL:${DATUS_WARNINGS_AS_ERRORS}>>:-Werror=all-warnings>")
if(DATUS_SANITIZE)
  target_compile_options(datus_options INTERFACE -fsanitize=${DATUS_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(datus_options INTERFACE -fsanitize=${DATUS_SANITIZE})
endif()

function(datus_add_layer NAME)
  cmake_parse_arguments(ARG "" "FOLDER" "LAYERS;LIBRARIES;PRIVATE_LIBRARIES;CUDA_LIBRARIES;BUT" ${ARGN})
  if(NOT ARG_FOLDER)
    set(ARG_FOLDER ${NAME})
  endif()
  file(GLOB_RECURSE SOURCES CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${ARG_FOLDER}/*.cpp)
  if(DATUS_CUDA)
    list(FILTER SOURCES EXCLUDE REGEX "/no_cuda/")
    file(GLOB_RECURSE CUDA CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${ARG_FOLDER}/*.cu)
    list(APPEND SOURCES ${CUDA})
  else()
    list(FILTER SOURCES EXCLUDE REGEX "/cuda/")
  endif()
  foreach(WING ${ARG_BUT})
    list(FILTER SOURCES EXCLUDE REGEX "/src/${ARG_FOLDER}/${WING}/")
  endforeach()
  set(AVX2 ${SOURCES})
  list(FILTER AVX2 INCLUDE REGEX "_avx2\\.cpp$")
  set_source_files_properties(${AVX2} PROPERTIES COMPILE_OPTIONS "${DATUS_VECTOR_OPTIONS};-mavx2;-mfma;-mf16c;-mpopcnt;-mbmi;-mbmi2;-mlzcnt")
  set(AVX512 ${SOURCES})
  list(FILTER AVX512 INCLUDE REGEX "_avx512\\.cpp$")
  set_source_files_properties(${AVX512} PROPERTIES COMPILE_OPTIONS
    "${DATUS_VECTOR_OPTIONS};-mavx512f;-mavx512bw;-mavx512dq;-mavx512vl;-mavx512vpopcntdq;-mfma;-mf16c;-mpopcnt;-mbmi;-mbmi2;-mlzcnt")
  list(TRANSFORM ARG_LAYERS PREPEND datus_)
  add_library(datus_${NAME} STATIC ${SOURCES})
  set_target_properties(datus_${NAME} PROPERTIES EXPORT_NAME ${NAME})
  target_compile_features(datus_${NAME} PUBLIC cxx_std_20)
  target_include_directories(datus_${NAME} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:include>
    PRIVATE ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(datus_${NAME} PUBLIC ${ARG_LAYERS} ${ARG_LIBRARIES}
    PRIVATE ${ARG_PRIVATE_LIBRARIES} $<BUILD_INTERFACE:datus_options>)
  if(DATUS_CUDA)
    target_link_libraries(datus_${NAME} PRIVATE ${ARG_CUDA_LIBRARIES})
    set_target_properties(datus_${NAME} PROPERTIES CUDA_STANDARD 20 CUDA_STANDARD_REQUIRED ON)
  endif()
endfunction()
