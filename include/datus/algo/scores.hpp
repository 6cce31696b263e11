#pragma once

#include "datus/algo/confusion.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace datus {

/// Who counts, and how clusters get their classes. TP, FP, FN of a class are pixels; IoU = TP / (TP + FP + FN),
/// F1 = TP / (TP + (FP + FN) / 2).
enum class Protocol {
  /// One-to-one matching. Every non-void pixel counts: an unassigned pixel, or one whose cluster has no class, is
  /// missed by its true class (FN). Means over the classes that occur in the truth.
  strict,
  /// One-to-one matching; unassigned pixels and those of clusters without a class are then dropped, as the DatUS
  /// authors do. Means over the classes that occur in the truth or in the prediction of the pixels left. NMI and ARI
  /// over all assigned pixels.
  datus_compat,
  /// Each cluster takes the class that it shares most pixels with (the lowest on ties; none if it has no non-void
  /// pixel);
  /// otherwise as `strict`. For more clusters than classes.
  many_to_one,
};

/// Scores of one protocol. All are fractions of 1 (ARI can be below 0), or null where they have no value, never NaN: an
/// IoU or F1 of a class that occurs nowhere, or anything over no pixels at all.
struct Scores {
  std::optional<double> miou;
  std::optional<double> pixel_accuracy;
  std::optional<double> macro_f1;
  std::optional<double> nmi;  ///< Normalised mutual information: natural logarithm, arithmetic mean of the entropies.
  std::optional<double> ari;  ///< Adjusted Rand index.
  std::vector<std::optional<double>> iou;  ///< [classes]
  std::vector<std::optional<double>> f1;   ///< [classes]
  std::vector<int> mapping;                ///< [clusters], class or -1
  std::int64_t total = 0;                  ///< All pixels, void ones too.
  std::int64_t void_pixels = 0;
  std::int64_t unassigned = 0;  ///< Non-void pixels without a cluster.
  std::int64_t unmatched = 0;   ///< Non-void pixels of clusters without a class.
};

/// Scores the pixels in `matrix`, which must be that of all ranks already. Not collective.
///
/// `mapping` [clusters], class or -1, is used as it is given (say, from the scores of the set that the clusters were
/// fitted on) in place of the protocol's own. NMI and ARI compare clusters and classes without any mapping; in `strict`
/// and `many_to_one` the unassigned pixels are one more cluster.
///
/// Throws `InputError` when `mapping` does not have one entry per cluster or names a class that does not exist.
/// Source: the DatUS authors' evaluation for `datus_compat`; scikit-learn's conventions for NMI and ARI.
[[nodiscard]] Scores score(const ConfusionMatrix& matrix, Protocol protocol,
                           std::optional<std::span<const int>> mapping = std::nullopt);

}  // namespace datus
