// SPDX-License-Identifier: Apache-2.0
#include "datus/algo/scores.hpp"

#include "algo/scores/class_scores.hpp"
#include "algo/scores/partition_scores.hpp"
#include "datus/algo/hungarian.hpp"
#include "datus/core/error.hpp"

#include <cstddef>
#include <string>

namespace datus {
namespace {

using Eigen::Index;

std::vector<int> majority_classes(const Eigen::Ref<const CountMatrix>& counts) {
  std::vector<int> class_of(static_cast<std::size_t>(counts.rows()), -1);
  for (Index cluster = 0; cluster < counts.rows(); ++cluster) {
    Index best = 0;
    for (Index label = 1; label < counts.cols(); ++label) {
      if (counts(cluster, label) > counts(cluster, best)) best = label;
    }
    if (counts(cluster, best) > 0) class_of[static_cast<std::size_t>(cluster)] = static_cast<int>(best);
  }
  return class_of;
}

std::vector<int> checked(std::span<const int> mapping, const ConfusionMatrix& matrix) {
  if (mapping.size() != static_cast<std::size_t>(matrix.clusters())) {
    throw InputError("The mapping has " + std::to_string(mapping.size()) + " entries",
                     "there are " + std::to_string(matrix.clusters()) + " clusters",
                     "Use the scores of a run with the same centroids.");
  }
  for (std::size_t cluster = 0; cluster < mapping.size(); ++cluster) {
    if (mapping[cluster] >= -1 && mapping[cluster] < matrix.classes()) continue;
    throw InputError(
        "The mapping gives cluster " + std::to_string(cluster) + " the class " + std::to_string(mapping[cluster]),
        "0 to " + std::to_string(matrix.classes() - 1) + ", or -1 for none, are possible",
        "Use the scores of a data set with the same classes.");
  }
  return {mapping.begin(), mapping.end()};
}

ClassPixels class_pixels(const ConfusionMatrix& matrix, const std::vector<int>& mapping, bool drops_unscored) {
  ClassPixels pixels(matrix.classes());
  const auto table = matrix.counts_and_unassigned();
  for (int cluster = 0; cluster <= matrix.clusters(); ++cluster) {
    for (int label = 0; label < matrix.classes(); ++label) {
      const CellCount cell{cluster < matrix.clusters() ? cluster : no_label, label, table(cluster, label)};
      pixels.add(cell, mapping, drops_unscored);
    }
  }
  return pixels;
}

void set_pixel_counts(Scores& scores, const ConfusionMatrix& matrix) {
  const auto counts = matrix.counts();
  scores.void_pixels = matrix.void_pixels();
  scores.unassigned = matrix.unassigned().sum();
  scores.total = counts.sum() + scores.unassigned + scores.void_pixels;
  for (Index cluster = 0; cluster < counts.rows(); ++cluster) {
    if (scores.mapping[static_cast<std::size_t>(cluster)] < 0) scores.unmatched += counts.row(cluster).sum();
  }
}

}  // namespace

std::vector<int> classes_of_clusters(const ConfusionMatrix& matrix, Protocol protocol) {
  return rules_of(protocol).takes_majority ? majority_classes(matrix.counts()) : match_clusters(matrix.counts());
}

Scores score(const ConfusionMatrix& matrix, Protocol protocol, std::optional<std::span<const int>> mapping) {
  const ProtocolRules rules = rules_of(protocol);
  Scores scores;
  scores.mapping = mapping ? checked(*mapping, matrix) : classes_of_clusters(matrix, protocol);
  set_pixel_counts(scores, matrix);
  set_class_scores(scores, class_pixels(matrix, scores.mapping, rules.drops_unscored), rules);
  const auto table = rules.drops_unscored ? matrix.counts() : matrix.counts_and_unassigned();
  scores.nmi = normalised_mutual_information(table);
  scores.ari = adjusted_rand_index(table);
  return scores;
}

}  // namespace datus
