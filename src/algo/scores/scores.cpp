#include "datus/algo/scores.hpp"

#include "algo/scores/partition_scores.hpp"
#include "datus/algo/hungarian.hpp"
#include "datus/core/error.hpp"

#include <cstddef>
#include <string>

namespace datus {
namespace {

using Eigen::Index;
using ClassCounts = Eigen::Array<std::int64_t, 1, Eigen::Dynamic>;

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

/// Pixels of each class, [1, classes] each.
struct ClassPixels {
  ClassCounts hit;        ///< of the class and predicted so (TP)
  ClassCounts predicted;  ///< predicted to be of the class (TP + FP)
  ClassCounts truth;      ///< of the class (TP + FN)
};

ClassPixels class_pixels(const ConfusionMatrix& matrix, const std::vector<int>& mapping, bool drop_unscored) {
  const auto counts = matrix.counts();
  CountMatrix by_class = CountMatrix::Zero(matrix.classes(), matrix.classes());  // [predicted class, true class]
  for (Index cluster = 0; cluster < counts.rows(); ++cluster) {
    const int label = mapping[static_cast<std::size_t>(cluster)];
    if (label >= 0) by_class.row(label) += counts.row(cluster);
  }
  ClassPixels pixels;
  pixels.hit = by_class.diagonal().transpose();
  pixels.predicted = by_class.rowwise().sum().transpose();
  if (drop_unscored) {
    pixels.truth = by_class.colwise().sum();
  } else {
    pixels.truth = matrix.counts_and_unassigned().colwise().sum();
  }
  return pixels;
}

std::optional<double> ratio(std::int64_t part, std::int64_t whole) {
  if (whole == 0) return std::nullopt;
  return static_cast<double>(part) / static_cast<double>(whole);
}

/// Mean over the classes marked in `counted`, all of which have a value; null when there is none.
std::optional<double> mean(const std::vector<std::optional<double>>& values, const std::vector<bool>& counted) {
  double sum = 0.0;
  int count = 0;
  for (std::size_t label = 0; label < values.size(); ++label) {
    if (!counted[label]) continue;
    sum += values[label].value();
    ++count;
  }
  if (count == 0) return std::nullopt;
  return sum / count;
}

void set_class_scores(Scores& scores, const ClassPixels& pixels, bool predicted_only_counts) {
  std::vector<bool> counted;
  for (Index label = 0; label < pixels.truth.size(); ++label) {
    const std::int64_t hit = pixels.hit(label);
    const std::int64_t both = pixels.predicted(label) + pixels.truth(label);
    scores.iou.push_back(ratio(hit, both - hit));
    scores.f1.push_back(ratio(2 * hit, both));
    counted.push_back(pixels.truth(label) > 0 || (predicted_only_counts && both > 0));
  }
  scores.miou = mean(scores.iou, counted);
  scores.macro_f1 = mean(scores.f1, counted);
  scores.pixel_accuracy = ratio(pixels.hit.sum(), pixels.truth.sum());
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

Scores score(const ConfusionMatrix& matrix, Protocol protocol, std::optional<std::span<const int>> mapping) {
  bool compat = false;
  std::vector<int> (*match)(const Eigen::Ref<const CountMatrix>&) = match_clusters;
  switch (protocol) {
    case Protocol::strict:
      break;
    case Protocol::datus_compat:
      compat = true;
      break;
    case Protocol::many_to_one:
      match = majority_classes;
      break;
  }
  Scores scores;
  scores.mapping = mapping ? checked(*mapping, matrix) : match(matrix.counts());
  set_pixel_counts(scores, matrix);
  set_class_scores(scores, class_pixels(matrix, scores.mapping, compat), compat);
  const auto table = compat ? matrix.counts() : matrix.counts_and_unassigned();
  scores.nmi = normalised_mutual_information(table);
  scores.ari = adjusted_rand_index(table);
  return scores;
}

}  // namespace datus
