// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/algo/confusion.hpp"
#include "datus/algo/image_counts.hpp"
#include "datus/core/image.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace datus {

/// How much two segmentations of the same pixels agree, whatever their labels are called. Fractions of 1 (ARI can be
/// below 0), null over no pixels. Pixels without a label have one label more.
struct PartitionAgreement {
  std::optional<double> nmi;      ///< normalised mutual information, as in `Scores`
  std::optional<double> ari;      ///< adjusted Rand index
  std::optional<double> matched;  ///< share of the pixels whose two labels are partners, or that have none in both
  std::int64_t pixels = 0;
};

/// Counts the pairs of labels of one image's pixels: `first` holds 0 … first_labels - 1 or `no_label`, `second`
/// likewise. As a cell's "class" stands the label of `second` plus 1, and 0 where it has none, so that a
/// `ConfusionMatrix(first_labels, second_labels + 1)` takes all pixels. Throws `InputError` as `count_image` does.
[[nodiscard]] ImageCounts count_label_pairs(const LabelMap& first, const LabelMap& second, int first_labels,
                                            int second_labels);

/// The label of the second that each one of the first is matched with, one to one, so that most pixels agree
/// (`match_clusters`): [first labels], -1 for none. `pairs` are those of `count_label_pairs`.
[[nodiscard]] std::vector<int> partners_of(const ConfusionMatrix& pairs);

/// `partners` [first labels] as `partners_of` gives them, of these or of more images.
[[nodiscard]] PartitionAgreement agreement_of(const ConfusionMatrix& pairs, std::span<const int> partners);

}  // namespace datus
