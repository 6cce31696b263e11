// SPDX-License-Identifier: Apache-2.0
#include "datus/algo/bootstrap.hpp"

#include "datus/algo/scores.hpp"
#include "support/thread_communicator.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace datus {
namespace bootstrap_test {

constexpr int clusters = 5;
constexpr int classes = 4;

LabelMap noise(int limit, std::mt19937& generator) {
  LabelMap map(6, 7);
  for (auto& label : map.labels) label = static_cast<std::int32_t>(generator() % static_cast<unsigned>(limit + 1)) - 1;
  return map;
}

std::vector<ImageCounts> some_images(int count) {
  std::mt19937 generator(5);
  std::vector<ImageCounts> images;
  for (int i = 0; i < count; ++i) {
    images.push_back(count_image(noise(clusters, generator), noise(classes, generator), clusters, classes));
    images.back().image = std::int64_t{3} * i + (i > 20 ? std::int64_t{1} << 33 : 0);  // some have no ground truth
  }
  return images;
}

std::vector<const ImageCounts*> pointers(const std::vector<ImageCounts>& images, Share share) {
  std::vector<const ImageCounts*> result;
  for (std::int64_t i = share.begin; i < share.end; ++i) result.push_back(&images[static_cast<std::size_t>(i)]);
  return result;
}

/// Linear interpolation between the order statistics, as NumPy's quantile.
Interval interval_by_definition(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const auto quantile = [&](double q) {
    const double position = q * static_cast<double>(values.size() - 1);
    const double floor = std::floor(position);
    const double low = values.at(static_cast<std::size_t>(floor));
    const double high = values.at(static_cast<std::size_t>(std::ceil(position)));
    return low + (high - low) * (position - floor);
  };
  return {quantile(0.025), quantile(0.975)};
}

/// Each replicate as a data set that has each image as often as its weight says, scored as a whole.
Intervals by_definition(const std::vector<ImageCounts>& images, Protocol protocol, const std::vector<int>& mapping,
                        int replicates, std::uint64_t seed) {
  std::map<std::string, std::vector<double>> values;
  for (int r = 0; r < replicates; ++r) {
    ConfusionMatrix matrix(clusters, classes);
    BoundaryCounts boundary;
    for (const ImageCounts& image : images) {
      for (int n = bootstrap_weight(seed, image.image, r); n > 0; --n) {
        matrix.add(image);
        boundary += image.boundary;
      }
    }
    const Scores scores = score(matrix, protocol, mapping);
    const auto keep = [&](const char* name, const std::optional<double>& value) {
      if (value) values[name].push_back(*value);
    };
    keep("miou", scores.miou);
    keep("fwiou", scores.fwiou);
    keep("accuracy", scores.pixel_accuracy);
    keep("f1", scores.macro_f1);
    keep("nmi", scores.nmi);
    keep("ari", scores.ari);
    keep("boundary", score(boundary).f);
  }
  Intervals result;
  result.miou = interval_by_definition(values["miou"]);
  result.fwiou = interval_by_definition(values["fwiou"]);
  result.pixel_accuracy = interval_by_definition(values["accuracy"]);
  result.macro_f1 = interval_by_definition(values["f1"]);
  result.nmi = interval_by_definition(values["nmi"]);
  result.ari = interval_by_definition(values["ari"]);
  result.boundary_f = interval_by_definition(values["boundary"]);
  return result;
}

void expect_near(const std::optional<Interval>& found, const std::optional<Interval>& expected, const char* what) {
  ASSERT_TRUE(found.has_value()) << what;
  EXPECT_NEAR(found->low, expected->low, 1e-12) << what;
  EXPECT_NEAR(found->high, expected->high, 1e-12) << what;
}

TEST(Bootstrap, EqualsScoresOfResampledDataSetsOnAnyRanksAndThreads) {
  const auto images = some_images(37);
  const std::vector<int> mapping{2, 0, -1, 3, 3};
  for (const Protocol protocol : {Protocol::strict, Protocol::datus_compat}) {
    for (const int replicates : {3, 150}) {
      const Intervals expected = by_definition(images, protocol, mapping, replicates, 7);
      std::optional<Intervals> first;
      for (int ranks = 1; ranks <= 4; ++ranks) {
        run_on_threads(ranks, [&](Communicator& comm) {
          const auto own = pointers(images, share_of(std::ssize(images), comm));
          const BootstrapOptions options{.replicates = replicates, .seed = 7, .threads = 1 + ranks % 2};
          const Intervals found = bootstrap(own, protocol, mapping, classes, options, comm);
          if (comm.rank() != 0) return;
          EXPECT_EQ(found.images, 37);
          EXPECT_EQ(found.replicates, replicates);
          expect_near(found.miou, expected.miou, "mIoU");
          expect_near(found.fwiou, expected.fwiou, "fwIoU");
          expect_near(found.pixel_accuracy, expected.pixel_accuracy, "accuracy");
          expect_near(found.macro_f1, expected.macro_f1, "F1");
          expect_near(found.nmi, expected.nmi, "NMI");
          expect_near(found.ari, expected.ari, "ARI");
          expect_near(found.boundary_f, expected.boundary_f, "boundary");
          if (!first) first = found;
          EXPECT_EQ(found.miou, first->miou) << "other bits on " << ranks << " ranks";
          EXPECT_EQ(found.nmi, first->nmi) << "other bits on " << ranks << " ranks";
          EXPECT_EQ(found.ari, first->ari) << "other bits on " << ranks << " ranks";
          EXPECT_EQ(found.boundary_f, first->boundary_f) << "other bits on " << ranks << " ranks";
        });
      }
    }
  }
}

// Of so many clusters and classes that the sums of all replicates do not stay in memory at once; most are empty.
TEST(Bootstrap, ManyClustersAndClassesChangeNothing) {
  auto images = some_images(9);
  for (CellCount& cell : images[2].cells) cell.pixels <<= 32;
  std::vector<int> mapping{2, 0, -1, 3, 3};
  const Intervals expected = by_definition(images, Protocol::strict, mapping, 300, 7);
  mapping.resize(500, -1);
  run_on_threads(2, [&](Communicator& comm) {
    const auto own = pointers(images, share_of(std::ssize(images), comm));
    const auto found = bootstrap(own, Protocol::strict, mapping, 90, {.replicates = 300, .seed = 7}, comm);
    expect_near(found.miou, expected.miou, "mIoU");
    expect_near(found.nmi, expected.nmi, "NMI");
    expect_near(found.ari, expected.ari, "ARI");
    expect_near(found.boundary_f, expected.boundary_f, "boundary");
  });
}

TEST(Bootstrap, DifferencesAreOfTheSameDraws) {
  const auto images = some_images(37);
  const std::vector<int> before{2, 0, -1, 3, 3};
  const std::vector<int> after{0, 0, 1, 3, 2};
  constexpr int replicates = 150;
  std::vector<double> differences;
  for (int r = 0; r < replicates; ++r) {
    ConfusionMatrix matrix(clusters, classes);
    for (const ImageCounts& image : images) {
      for (int n = bootstrap_weight(7, image.image, r); n > 0; --n) matrix.add(image);
    }
    differences.push_back(*score(matrix, Protocol::strict, after).miou - *score(matrix, Protocol::strict, before).miou);
  }
  for (int ranks = 1; ranks <= 3; ++ranks) {
    run_on_threads(ranks, [&](Communicator& comm) {
      const auto own = pointers(images, share_of(std::ssize(images), comm));
      const BootstrapOptions options{.replicates = replicates, .seed = 7, .threads = 2};
      const auto found = bootstrap_difference({own, before}, {own, after}, Protocol::strict, classes, options, comm);
      expect_near(found.miou, interval_by_definition(differences), "mIoU");
      const auto same = bootstrap_difference({own, before}, {own, before}, Protocol::strict, classes, options, comm);
      expect_near(same.pixel_accuracy, Interval{0, 0}, "the same side twice");
    });
  }
}

TEST(Bootstrap, WeightsArePoissonAndIndependentOfEachOther) {
  std::vector<int> histogram(14);
  double sum = 0;
  double product = 0;
  constexpr int count = 200000;
  for (int i = 0; i < count; ++i) {
    const int weight = bootstrap_weight(0, i / 100, i % 100);
    ++histogram.at(static_cast<std::size_t>(weight));
    sum += weight;
    product += weight * bootstrap_weight(0, i / 100 + 1, i % 100);
  }
  EXPECT_NEAR(sum / count, 1.0, 0.01);
  EXPECT_NEAR(product / count, 1.0, 0.02);
  double probability = std::exp(-1.0);
  for (int n = 0; n < 6; ++n) {
    EXPECT_NEAR(histogram[static_cast<std::size_t>(n)] / double{count}, probability, 0.005) << n;
    probability /= n + 1;
  }
  EXPECT_NE(bootstrap_weight(0, 0, 3) + 100 * bootstrap_weight(0, 1, 3) + 10000 * bootstrap_weight(0, 2, 3),
            bootstrap_weight(1, 0, 3) + 100 * bootstrap_weight(1, 1, 3) + 10000 * bootstrap_weight(1, 2, 3));
}

// The share of images that are right is 1/4: the interval is that of a mean of 400 draws, 1.96 standard errors.
TEST(Bootstrap, IntervalIsThatOfTheMeanOfImages) {
  std::vector<ImageCounts> images(400);
  for (std::size_t i = 0; i < images.size(); ++i) {
    images[i].image = static_cast<std::int64_t>(i);
    images[i].cells = {{.cluster = 0, .label = i % 4 == 0 ? 0 : 1, .pixels = 1000}};
  }
  run_on_threads(1, [&](Communicator& comm) {
    const auto found = bootstrap(pointers(images, {0, 400}), Protocol::strict, std::vector<int>{0}, 2, {}, comm);
    const double error = 1.96 * std::sqrt(0.25 * 0.75 / 400);
    ASSERT_TRUE(found.pixel_accuracy);
    EXPECT_NEAR(found.pixel_accuracy->low, 0.25 - error, 0.15 * error);
    EXPECT_NEAR(found.pixel_accuracy->high, 0.25 + error, 0.15 * error);
    EXPECT_FALSE(found.boundary_f);
  });
}

TEST(Bootstrap, OneImageAndNoReplicatesGiveNothing) {
  auto images = some_images(2);
  run_on_threads(2, [&](Communicator& comm) {
    const auto own = pointers(images, share_of(2, comm));
    const std::vector<int> mapping(clusters, 0);
    EXPECT_FALSE(bootstrap(own, Protocol::strict, mapping, classes, {.replicates = 0}, comm).miou);
    EXPECT_TRUE(bootstrap(own, Protocol::strict, mapping, classes, {}, comm).miou);
  });
  images[1].cells.clear();
  run_on_threads(2, [&](Communicator& comm) {
    const auto found = bootstrap(pointers(images, share_of(2, comm)), Protocol::strict, std::vector<int>(clusters, 0),
                                 classes, {}, comm);
    EXPECT_EQ(found.images, 1);
    EXPECT_FALSE(found.miou || found.pixel_accuracy || found.boundary_f);
  });
}

}  // namespace bootstrap_test
}  // namespace datus
