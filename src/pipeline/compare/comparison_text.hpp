// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pipeline/compare/comparison.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace datus {

/// A table of texts; what follows the first column is aligned to the right.
struct ComparisonTable {
  std::string title;
  std::vector<std::string> head;
  std::vector<std::vector<std::string>> rows;
};

/// What was run and how the two differ in it.
[[nodiscard]] ComparisonTable settings_table(const RunPair& pair);
/// Scores of both, over all images with ground truth.
[[nodiscard]] ComparisonTable score_table_of(const RunComparison& comparison);
/// IoU of each class, those with the most pixels first.
[[nodiscard]] ComparisonTable class_table(const RunComparison& comparison);
/// The images at these places of the pair.
[[nodiscard]] ComparisonTable image_table(const std::string& title, const RunPair& pair,
                                          const RunComparison& comparison, const std::vector<std::size_t>& places);
/// "NMI 61.2, ARI 40.1; 70.2 % of the pixels agree where clusters are matched one to one": how much the masks agree.
[[nodiscard]] std::string agreement_text(const PartitionAgreement& agreement);

/// Images that gained most and those that lost most, at most so many of each, where there is ground truth; else those
/// whose masks agree least.
[[nodiscard]] std::vector<ComparisonTable> extreme_images(const RunPair& pair, const RunComparison& comparison,
                                                          std::size_t most);

// The whole comparison, for a terminal, as Markdown, and as CSV with all images and all digits.

[[nodiscard]] std::string comparison_text(const RunPair& pair, const RunComparison& comparison);
[[nodiscard]] std::string comparison_markdown(const RunPair& pair, const RunComparison& comparison);
/// Columns scope (all, class, image), name, measure, first, second, difference, agreement: measures of both runs have
/// the three in the middle, those of the two masks together the last. Fractions.
[[nodiscard]] std::string comparison_csv(const RunPair& pair, const RunComparison& comparison);

}  // namespace datus
