// SPDX-License-Identifier: Apache-2.0
#include "algo/louvain/objective.hpp"

#include "datus/core/error.hpp"

#include <cmath>
#include <cstddef>
#include <string>

namespace datus::louvain_detail {

Objective Objective::make(std::int64_t total, double resolution) {
  constexpr double steps = 65536.0;
  if (!(resolution >= 1.0 / steps && resolution <= 32768.0)) {
    throw UsageError("segment.resolution is " + std::to_string(resolution), "it must be from 2^-16 to 32768",
                     "Use a value near 1: larger values give more communities.");
  }
  Objective objective{.total = total, .numerator = std::llrint(resolution * steps), .denominator = 65536};
  while (objective.numerator % 2 == 0 && objective.denominator > 1) {
    objective.numerator /= 2;
    objective.denominator /= 2;
  }
  return objective;
}

double Objective::modularity(const std::vector<std::int64_t>& loops, const std::vector<std::int64_t>& degrees) const {
  if (total == 0) return 0.0;
  Int128 inner = 0;
  Int128 expected = 0;
  for (std::size_t c = 0; c < loops.size(); ++c) {
    inner += loops[c];
    expected += Int128{degrees[c]} * degrees[c];
  }
  // The gain of these communities over none at all, but for the factor 2 of moves.
  return increase(inner * denominator * total - expected * numerator) / 2.0;
}

Level renumber(std::vector<std::int32_t> labels, double increase) {
  std::vector<std::int32_t> number(labels.size(), 0);
  for (const std::int32_t label : labels) number[static_cast<std::size_t>(label)] = 1;
  std::int32_t communities = 0;
  for (std::int32_t& entry : number) entry = entry == 0 ? -1 : communities++;
  for (std::int32_t& label : labels) label = number[static_cast<std::size_t>(label)];
  return {.labels = std::move(labels), .communities = communities, .increase = increase};
}

}  // namespace datus::louvain_detail
