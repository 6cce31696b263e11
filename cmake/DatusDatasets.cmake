# SPDX-License-Identifier: Apache-2.0
# The descriptions of configs/datasets become part of the program, so that they are found wherever it lies.
file(GLOB DATUS_DATASET_FILES CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/configs/datasets/*.yaml)
list(SORT DATUS_DATASET_FILES)
set(DATUS_DATASET_ROWS "")
foreach(FILE ${DATUS_DATASET_FILES})
  set_property(DIRECTORY ${PROJECT_SOURCE_DIR} APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${FILE})
  file(READ ${PROJECT_SOURCE_DIR}/${FILE} TEXT)
  get_filename_component(NAME ${FILE} NAME_WE)
  string(APPEND DATUS_DATASET_ROWS "      {\"${NAME}\", \"${FILE}\", R\"yaml(${TEXT})yaml\"},\n")
endforeach()
set(DATUS_DATASET_SOURCE ${PROJECT_BINARY_DIR}/generated/shipped_datasets.cpp)
file(CONFIGURE OUTPUT ${DATUS_DATASET_SOURCE} CONTENT "#include \"datus/config/dataset_descriptions.hpp\"

namespace datus {

std::span<const DatasetText> shipped_datasets() {
  static const std::vector<DatasetText> texts = {
@DATUS_DATASET_ROWS@  };
  return texts;
}

}  // namespace datus
" @ONLY)
target_sources(datus_config PRIVATE ${DATUS_DATASET_SOURCE})

# So do the figures that others published, for the leaderboard.
set_property(DIRECTORY ${PROJECT_SOURCE_DIR} APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS configs/published.json)
file(READ ${PROJECT_SOURCE_DIR}/configs/published.json DATUS_PUBLISHED)
set(DATUS_PUBLISHED_SOURCE ${PROJECT_BINARY_DIR}/generated/published_text.cpp)
file(CONFIGURE OUTPUT ${DATUS_PUBLISHED_SOURCE} CONTENT "#include \"pipeline/report/published_scores.hpp\"

namespace datus {

std::string_view published_text() {
  return R\"json(@DATUS_PUBLISHED@)json\";
}

}  // namespace datus
" @ONLY)
