// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace datus {

// src/pipeline/report/assets, compiled in.

[[nodiscard]] std::string_view report_style();
[[nodiscard]] std::string_view report_script();
/// Of the page of a comparison, which has the style of the report.
[[nodiscard]] std::string_view comparison_script();

}  // namespace datus
