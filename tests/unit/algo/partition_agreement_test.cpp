// SPDX-License-Identifier: Apache-2.0
#include "datus/algo/partition_agreement.hpp"

#include "datus/core/error.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace datus {
namespace partition_agreement_test {

LabelMap noise(int limit, std::mt19937& generator) {
  LabelMap map(12, 9);
  for (auto& label : map.labels) label = static_cast<std::int32_t>(generator() % static_cast<unsigned>(limit + 1)) - 1;
  return map;
}

/// The largest share of the pixels that any one-to-one matching makes agree, by trying all.
double best_share(const LabelMap& first, const LabelMap& second, int labels) {
  std::vector<int> partner(static_cast<std::size_t>(labels));
  std::iota(partner.begin(), partner.end(), 0);
  int best = 0;
  do {
    int agree = 0;
    for (std::size_t i = 0; i < first.labels.size(); ++i) {
      const int wanted = first.labels[i] < 0 ? no_label : partner[static_cast<std::size_t>(first.labels[i])];
      agree += second.labels[i] == wanted ? 1 : 0;
    }
    best = std::max(best, agree);
  } while (std::ranges::next_permutation(partner).found);
  return static_cast<double>(best) / static_cast<double>(first.labels.size());
}

/// From all pairs of pixels: the Rand index, corrected for what chance would give.
double adjusted_rand(const LabelMap& first, const LabelMap& second) {
  double both = 0, of_first = 0, of_second = 0, all = 0;
  for (std::size_t i = 0; i < first.labels.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      const bool one = first.labels[i] == first.labels[j];
      const bool other = second.labels[i] == second.labels[j];
      both += one && other ? 1 : 0;
      of_first += one ? 1 : 0;
      of_second += other ? 1 : 0;
      all += 1;
    }
  }
  const double expected = of_first * of_second / all;
  return (both - expected) / ((of_first + of_second) / 2 - expected);
}

PartitionAgreement agreement(const LabelMap& first, const LabelMap& second, int first_labels, int second_labels) {
  ConfusionMatrix pairs(first_labels, second_labels + 1);
  pairs.add(count_label_pairs(first, second, first_labels, second_labels));
  return agreement_of(pairs, partners_of(pairs));
}

TEST(PartitionAgreement, IsThatOfAllPairsAndAllMatchings) {
  std::mt19937 generator(3);
  for (int round = 0; round < 20; ++round) {
    const LabelMap first = noise(4, generator);
    LabelMap second = noise(4, generator);
    // From independent to nearly the same labels under other names.
    for (std::size_t i = 0; i < second.labels.size(); ++i) {
      if (static_cast<int>(generator() % 20) < round) second.labels[i] = first.labels[i] < 0 ? -1 : 3 - first.labels[i];
    }
    const PartitionAgreement found = agreement(first, second, 4, 4);
    EXPECT_EQ(found.pixels, 108);
    EXPECT_NEAR(found.matched.value(), best_share(first, second, 4), 1e-12);
    EXPECT_NEAR(found.ari.value(), adjusted_rand(first, second), 1e-9);
    EXPECT_NEAR(found.nmi.value(), agreement(second, first, 4, 4).nmi.value(), 1e-12);
  }
}

TEST(PartitionAgreement, NamesOfLabelsDoNotMatter) {
  std::mt19937 generator(4);
  const LabelMap first = noise(3, generator);
  LabelMap second = first;
  for (auto& label : second.labels) label = label < 0 ? label : (label + 1) % 3;
  const PartitionAgreement same = agreement(first, second, 3, 5);
  EXPECT_DOUBLE_EQ(same.matched.value(), 1);
  EXPECT_DOUBLE_EQ(same.nmi.value(), 1);
  EXPECT_DOUBLE_EQ(same.ari.value(), 1);
}

TEST(PartitionAgreement, PixelsWithoutALabelAgreeOnlyWithEachOther) {
  LabelMap first(1, 4);  // all without a label
  LabelMap second(1, 4);
  second.labels = {0, 0, -1, -1};
  EXPECT_DOUBLE_EQ(agreement(first, second, 2, 1).matched.value(), 0.5);
  EXPECT_DOUBLE_EQ(agreement(second, first, 1, 2).matched.value(), 0.5);
}

TEST(PartitionAgreement, MoreLabelsThanPartners) {
  LabelMap first(1, 6);
  first.labels = {0, 0, 1, 1, 2, 2};
  LabelMap second(1, 6);
  second.labels = {1, 1, 1, 0, 0, 0};
  ConfusionMatrix pairs(3, 3);
  pairs.add(count_label_pairs(first, second, 3, 2));
  EXPECT_EQ(partners_of(pairs), (std::vector<int>{1, -1, 0}));
  EXPECT_DOUBLE_EQ(agreement_of(pairs, partners_of(pairs)).matched.value(), 4.0 / 6);
  EXPECT_THROW((void)count_label_pairs(first, LabelMap(2, 3), 3, 2), InputError);
}

TEST(PartitionAgreement, OverNoPixelsHasNoValue) {
  const ConfusionMatrix nothing(2, 3);
  const PartitionAgreement none = agreement_of(nothing, partners_of(nothing));
  EXPECT_FALSE(none.matched || none.nmi || none.ari);
}

}  // namespace partition_agreement_test
}  // namespace datus
