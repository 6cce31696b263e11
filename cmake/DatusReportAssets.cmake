# SPDX-License-Identifier: Apache-2.0
# The style and the script of the report become part of the program; the script's files in the order of this list.
set(DATUS_REPORT_ASSETS ${PROJECT_SOURCE_DIR}/src/pipeline/report/assets)
function(datus_report_text RESULT)
  set(ALL "")
  foreach(FILE ${ARGN})
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${DATUS_REPORT_ASSETS}/${FILE})
    file(READ ${DATUS_REPORT_ASSETS}/${FILE} TEXT)
    string(APPEND ALL "R\"asset(${TEXT})asset\"\n      ")
  endforeach()
  set(${RESULT} "${ALL}" PARENT_SCOPE)
endfunction()
datus_report_text(DATUS_REPORT_STYLE report.css)
datus_report_text(DATUS_REPORT_SCRIPT page.js maps.js gallery.js viewer.js clusters.js)
datus_report_text(DATUS_COMPARISON_SCRIPT comparison.js)
set(DATUS_REPORT_SOURCE ${PROJECT_BINARY_DIR}/generated/report_assets.cpp)
file(CONFIGURE OUTPUT ${DATUS_REPORT_SOURCE} CONTENT "#include \"pipeline/report/assets.hpp\"

namespace datus {

std::string_view report_style() {
  return @DATUS_REPORT_STYLE@;
}

std::string_view report_script() {
  return @DATUS_REPORT_SCRIPT@;
}

std::string_view comparison_script() {
  return @DATUS_COMPARISON_SCRIPT@;
}

}  // namespace datus
" @ONLY)
target_sources(datus_pipeline PRIVATE ${DATUS_REPORT_SOURCE})
