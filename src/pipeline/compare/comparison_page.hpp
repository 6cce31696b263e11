// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pipeline/compare/comparison.hpp"
#include "pipeline/compare/comparison_pictures.hpp"

#include <string>
#include <vector>

namespace datus {

/// The comparison as one page of HTML with its style, script and pictures inside, which are shown in their order; it
/// asks no network for anything, and shows all of it without script.
[[nodiscard]] std::string comparison_page(const RunPair& pair, const RunComparison& comparison,
                                          const std::vector<ComparisonPicture>& pictures);

}  // namespace datus
