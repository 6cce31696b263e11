// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace datus {

// src/pipeline/report/assets, compiled in.

[[nodiscard]] std::string_view report_style();
[[nodiscard]] std::string_view report_script();

}  // namespace datus
