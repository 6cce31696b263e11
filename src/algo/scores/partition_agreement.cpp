// SPDX-License-Identifier: Apache-2.0
#include "datus/algo/partition_agreement.hpp"

#include "algo/scores/partition_scores.hpp"
#include "datus/algo/hungarian.hpp"

namespace datus {

ImageCounts count_label_pairs(const LabelMap& first, const LabelMap& second, int first_labels, int second_labels) {
  LabelMap shifted = second;
  for (std::int32_t& label : shifted.labels) ++label;
  return count_image(first, shifted, first_labels, second_labels + 1);
}

std::vector<int> partners_of(const ConfusionMatrix& pairs) {
  const auto counts = pairs.counts();
  if (counts.cols() < 2) return std::vector<int>(static_cast<std::size_t>(counts.rows()), -1);
  return match_clusters(counts.rightCols(counts.cols() - 1));
}

PartitionAgreement agreement_of(const ConfusionMatrix& pairs, std::span<const int> partners) {
  const auto table = pairs.counts_and_unassigned();
  PartitionAgreement agreement;
  agreement.pixels = table.sum();
  agreement.nmi = normalised_mutual_information(table);
  agreement.ari = adjusted_rand_index(table);
  if (agreement.pixels == 0) return agreement;
  std::int64_t matched = table(pairs.clusters(), 0);
  for (int label = 0; label < pairs.clusters(); ++label) {
    const int partner = partners[static_cast<std::size_t>(label)];
    if (partner >= 0) matched += table(label, partner + 1);
  }
  agreement.matched = static_cast<double>(matched) / static_cast<double>(agreement.pixels);
  return agreement;
}

}  // namespace datus
