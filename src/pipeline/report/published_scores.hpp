// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/pipeline/leaderboard.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace datus {

/// configs/published.json, as it was compiled in.
[[nodiscard]] std::string_view published_text();

/// Its rows for a data set of this kind; most of their fields are what their sources say.
[[nodiscard]] std::vector<LeaderboardRow> published_scores(const std::string& kind);

}  // namespace datus
