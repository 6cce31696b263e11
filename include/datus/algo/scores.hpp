// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/algo/confusion.hpp"
#include "datus/algo/protocol.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace datus {

/// Scores of one protocol. TP, FP, FN of a class are pixels; IoU = TP / (TP + FP + FN), precision = TP / (TP + FP),
/// recall = TP / (TP + FN), F1 = TP / (TP + (FP + FN) / 2). All are fractions of 1 (ARI can be below 0), or null where
/// they have no value, never NaN: an IoU or F1 of a class that occurs nowhere, or anything over no pixels at all.
struct Scores {
  std::optional<double> miou;
  std::optional<double> fwiou;  ///< Mean IoU, each class weighted with its pixels in the truth.
  std::optional<double> pixel_accuracy;
  std::optional<double> macro_f1;
  std::optional<double> nmi;  ///< Normalised mutual information: natural logarithm, arithmetic mean of the entropies.
  std::optional<double> ari;  ///< Adjusted Rand index.
  std::vector<std::optional<double>> iou;        ///< [classes]
  std::vector<std::optional<double>> precision;  ///< [classes], null where nothing is predicted to be of the class
  std::vector<std::optional<double>> recall;     ///< [classes], null for a class that does not occur
  std::vector<std::optional<double>> f1;         ///< [classes]
  std::vector<int> mapping;                      ///< [clusters], class or -1
  std::int64_t total = 0;                        ///< All pixels, void ones too.
  std::int64_t void_pixels = 0;
  std::int64_t unassigned = 0;  ///< Non-void pixels without a cluster.
  std::int64_t unmatched = 0;   ///< Non-void pixels of clusters without a class.
};

/// The class of each cluster, or -1, that a protocol finds from these pixels, which must be those of all ranks already.
[[nodiscard]] std::vector<int> classes_of_clusters(const ConfusionMatrix& matrix, Protocol protocol);

/// Scores the pixels in `matrix`, which must be those that the protocol counts, of all ranks already. Not collective.
///
/// `mapping` [clusters], class or -1, is used as it is given (say, from the scores of the set that the clusters were
/// fitted on) in place of `classes_of_clusters`. NMI and ARI compare clusters and classes without any mapping; where
/// unassigned pixels are not dropped they are one more cluster.
///
/// Throws `InputError` when `mapping` does not have one entry per cluster or names a class that does not exist.
/// Source: the DatUS authors' evaluation for `datus_compat`, STEGO's (Hamilton et al. 2022) for `stego`; scikit-learn's
/// conventions for NMI and ARI.
[[nodiscard]] Scores score(const ConfusionMatrix& matrix, Protocol protocol,
                           std::optional<std::span<const int>> mapping = std::nullopt);

}  // namespace datus
