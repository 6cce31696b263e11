// SPDX-License-Identifier: Apache-2.0
#include "pipeline/stages/protocol_scores.hpp"

#include "datus/core/error.hpp"
#include "datus/model/evaluation_crop.hpp"
#include "support/errors.hpp"
#include "support/temp_folder.hpp"
#include "support/thread_communicator.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <numeric>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

// Each protocol against its definition, pixel by pixel, on one to four ranks.
namespace datus::test {
namespace protocol_scores_test {

using Wanted = EvaluateConfig::Protocol;

struct Picture {
  std::string name;
  LabelMap mask;
  LabelMap truth;
};

/// Blocks of labels, that of the mask often the class of the truth, with holes in both.
std::vector<Picture> pictures(int count, int clusters, int classes) {
  std::mt19937 generator(17);
  std::vector<Picture> result;
  for (int i = 0; i < count; ++i) {
    Picture picture{"some/image" + std::to_string(i) + ".jpg", LabelMap(20 + i, 31), LabelMap(20 + i, 31)};
    for (int y = 0; y < picture.truth.height; ++y) {
      for (int x = 0; x < 31; ++x) {
        const auto block = static_cast<std::uint32_t>(i * 100 + y / 5 * 10 + x / 7);
        std::mt19937 of_block(block);
        const auto label = static_cast<std::int32_t>(of_block() % static_cast<unsigned>(classes + 1)) - 1;
        auto cluster = static_cast<std::int32_t>(of_block() % static_cast<unsigned>(clusters + 1)) - 1;
        if (of_block() % 2 == 0 && label >= 0) cluster = (label * 2 + 1) % clusters;
        if (generator() % 10 == 0) cluster = static_cast<std::int32_t>(generator() % static_cast<unsigned>(clusters));
        const auto p = static_cast<std::size_t>(y * 31 + x);
        picture.truth.labels[p] = label;
        picture.mask.labels[p] = cluster;
      }
    }
    result.push_back(std::move(picture));
  }
  return result;
}

using Pixels = std::vector<std::pair<std::int32_t, std::int32_t>>;  // cluster, class; void ones left out

Pixels pixels_of(const std::vector<Picture>& pictures, bool crop, const std::function<bool(const Picture&)>& counts) {
  Pixels pixels;
  for (const Picture& picture : pictures) {
    if (!counts(picture)) continue;
    const LabelMap mask = crop ? evaluation_crop(picture.mask) : picture.mask;
    const LabelMap truth = crop ? evaluation_crop(picture.truth) : picture.truth;
    for (std::size_t p = 0; p < truth.labels.size(); ++p) {
      if (truth.labels[p] != no_label) pixels.emplace_back(mask.labels[p], truth.labels[p]);
    }
  }
  return pixels;
}

std::vector<int> majority(const Pixels& pixels, int clusters, int classes) {
  std::vector<int> mapping;
  for (int k = 0; k < clusters; ++k) {
    std::int64_t most = 0;
    int best = -1;
    for (int c = 0; c < classes; ++c) {
      const auto count = std::ranges::count(pixels, std::pair<std::int32_t, std::int32_t>{k, c});
      if (count > most) best = c;
      most = std::max<std::int64_t>(most, count);
    }
    mapping.push_back(best);
  }
  return mapping;
}

/// All one-to-one matchings are tried; classes above `classes` are none.
std::vector<int> best_matching(const Pixels& pixels, int clusters, int classes) {
  std::map<std::pair<int, int>, std::int64_t> counts;
  for (const auto& pixel : pixels) ++counts[pixel];
  std::vector<int> order(static_cast<std::size_t>(std::max(clusters, classes)));
  std::iota(order.begin(), order.end(), 0);
  std::vector<int> best;
  std::int64_t most = -1;
  do {
    std::int64_t agreement = 0;
    for (int k = 0; k < clusters; ++k) agreement += counts[{k, order[static_cast<std::size_t>(k)]}];
    if (agreement <= most) continue;
    most = agreement;
    best.assign(order.begin(), order.begin() + clusters);
  } while (std::next_permutation(order.begin(), order.end()));
  for (int& label : best) label = label < classes ? label : -1;
  return best;
}

struct Expected {
  double miou = 0;
  double fwiou = 0;
  double accuracy = 0;
  double f1 = 0;
};

Expected scores_by_definition(const Pixels& pixels, const std::vector<int>& mapping, int classes, bool drops) {
  std::vector<double> hit(static_cast<std::size_t>(classes));
  std::vector<double> predicted = hit;
  std::vector<double> real = hit;
  for (const auto& [cluster, label] : pixels) {
    const int given = cluster < 0 ? -1 : mapping[static_cast<std::size_t>(cluster)];
    if (given < 0 && drops) continue;
    real[static_cast<std::size_t>(label)] += 1;
    if (given >= 0) predicted[static_cast<std::size_t>(given)] += 1;
    if (given == label) hit[static_cast<std::size_t>(label)] += 1;
  }
  Expected result;
  double counted = 0;
  const double all = std::accumulate(real.begin(), real.end(), 0.0);
  for (std::size_t c = 0; c < hit.size(); ++c) {
    const double either = predicted[c] + real[c] - hit[c];
    if (drops ? either == 0 : real[c] == 0) continue;
    counted += 1;
    result.miou += hit[c] / either;
    result.f1 += 2 * hit[c] / (predicted[c] + real[c]);
    result.fwiou += hit[c] / either * real[c] / all;
  }
  result.miou /= counted;
  result.f1 /= counted;
  result.accuracy = std::accumulate(hit.begin(), hit.end(), 0.0) / all;
  return result;
}

std::vector<ComparedImage> compared(const std::vector<Picture>& pictures, Share share) {
  std::vector<ComparedImage> images;
  for (std::int64_t i = share.begin; i < share.end; ++i) {
    const Picture& picture = pictures[static_cast<std::size_t>(i)];
    ComparedImage image;
    image.is_learned_from = is_learned_from(picture.name);
    image.all = count_image(picture.mask, picture.truth, 0, 0);
    image.crop = count_image(evaluation_crop(picture.mask), evaluation_crop(picture.truth), 0, 0);
    image.all.image = image.crop->image = i;
    images.push_back(std::move(image));
  }
  return images;
}

ScoreRequest request_for(Wanted protocol, int clusters, int classes) {
  ScoreRequest request;
  request.protocols = {protocol};
  request.clusters = clusters;
  for (int c = 0; c < classes; ++c) request.class_names.push_back(std::to_string(c));
  request.replicates = 20;
  request.provenance = {{"matched_on", "all of them"}};
  return request;
}

void expect_scores(const ProtocolScores& found, const Expected& expected) {
  EXPECT_NEAR(found.scores.miou.value(), expected.miou, 1e-12);
  EXPECT_NEAR(found.scores.fwiou.value(), expected.fwiou, 1e-12);
  EXPECT_NEAR(found.scores.pixel_accuracy.value(), expected.accuracy, 1e-12);
  EXPECT_NEAR(found.scores.macro_f1.value(), expected.f1, 1e-12);
  EXPECT_LE(found.intervals.miou.value().low, expected.miou);
  EXPECT_GE(found.intervals.miou.value().high, expected.miou);
}

TEST(ProtocolScores, EqualTheirDefinitionsOnAnyRanks) {
  struct Case {
    Wanted protocol;
    int clusters;
    bool drops;
    bool crops;
    bool majority;
    bool halves;
  };
  constexpr int classes = 4;
  for (const Case& one :
       {Case{Wanted::strict, 6, false, false, false, false}, Case{Wanted::datus_compat, 6, true, false, false, false},
        Case{Wanted::stego, 4, true, true, false, false}, Case{Wanted::stego_crop, 4, true, true, false, false},
        Case{Wanted::many_to_one, 6, false, false, true, false},
        Case{Wanted::over_clustering, 6, false, false, true, true}}) {
    SCOPED_TRACE(static_cast<int>(one.protocol));
    const auto images = pictures(7, one.clusters, classes);
    const Pixels learned = pixels_of(
        images, one.crops, [&](const Picture& picture) { return !one.halves || is_learned_from(picture.name); });
    const Pixels scored = pixels_of(
        images, one.crops, [&](const Picture& picture) { return !one.halves || !is_learned_from(picture.name); });
    const auto mapping =
        one.majority ? majority(learned, one.clusters, classes) : best_matching(learned, one.clusters, classes);
    const Expected expected = scores_by_definition(scored, mapping, classes, one.drops);
    std::optional<std::string> first;
    for (int ranks = 1; ranks <= 4; ++ranks) {
      run_on_threads(ranks, [&](Communicator& comm) {
        const auto evaluation = score_images(compared(images, share_of(std::ssize(images), comm)),
                                             request_for(one.protocol, one.clusters, classes), comm);
        if (comm.rank() != 0) return;
        const ProtocolScores& found = evaluation.protocols.at(0);
        EXPECT_EQ(found.scores.mapping, mapping);
        expect_scores(found, expected);
        if (!first) first = scores_text(evaluation);
        EXPECT_EQ(scores_text(evaluation), *first) << "other bytes on " << ranks << " ranks";
      });
    }
  }
}

TEST(ProtocolScores, SayWhereTheMappingIsFrom) {
  const auto images = compared(pictures(7, 6, 4), {0, 7});
  const TempFolder folder;
  run_on_threads(1, [&](Communicator& comm) {
    ScoreRequest request = request_for(Wanted::over_clustering, 6, 4);
    auto half = score_images(images, request, comm).protocols.at(0);
    const auto learned = std::ranges::count(images, true, &ComparedImage::is_learned_from);
    EXPECT_EQ(half.provenance["matched_on"], std::to_string(learned) + " images of one half of all of them");
    EXPECT_EQ(half.provenance["scored_on"], std::to_string(7 - learned) + " images of the other half");

    // A given mapping is used as it is, on all images.
    request.protocols = {Wanted::strict};
    auto fitted = score_images(images, request, comm);
    fitted.protocols[0].scores.mapping = {3, 2, 1, 0, 0, -1};
    write_scores(folder / "fitted.json", fitted);
    request.protocols = {Wanted::over_clustering};
    request.mapping_file = folder / "fitted.json";
    request.provenance["matched_on"] = "train";
    auto given = score_images(images, request, comm).protocols.at(0);
    EXPECT_EQ(given.scores.mapping, fitted.protocols[0].scores.mapping);
    EXPECT_EQ(given.scores.total, fitted.protocols[0].scores.total);
    EXPECT_EQ(given.provenance["matched_on"], "train, by protocol strict");
  });
}

TEST(ProtocolScores, ProtocolsThatDoNotFitAreRefusedOrLeftOut) {
  const auto images = compared(pictures(7, 6, 4), {0, 7});
  run_on_threads(1, [&](Communicator& comm) {
    ScoreRequest request = request_for(Wanted::stego_crop, 6, 4);
    expect_error<AgreedError>([&] { (void)score_images(images, request, comm); }, {"stego-crop", "K = 6", "6 and 4"});
    request.protocols = {Wanted::strict, Wanted::stego_crop};
    request.leaves_out_misfits = true;
    EXPECT_EQ(score_images(images, request, comm).protocols.size(), 1U);
    request = request_for(Wanted::over_clustering, 6, 6);
    expect_error<AgreedError>([&] { (void)score_images(images, request, comm); }, {"over-clustering", "6 and 6"});
    // Without images in one of the halves nothing is learned, or scored.
    request = request_for(Wanted::over_clustering, 6, 4);
    const auto first_half = std::ranges::find(images, true, &ComparedImage::is_learned_from);
    ASSERT_NE(first_half, images.end());
    expect_error<AgreedError>([&] { (void)score_images({*first_half}, request, comm); },
                              {"over-clustering", "scored", "1 image"});
  });
}

TEST(ProtocolScores, HalvesAreByNamesWithoutExtension) {
  int learned = 0;
  for (int i = 0; i < 1000; ++i) {
    const std::string name = "folder/COCO_val2017_" + std::to_string(i);
    learned += is_learned_from(name + ".jpg") ? 1 : 0;
    EXPECT_EQ(is_learned_from(name + ".jpg"), is_learned_from(name + ".png"));
  }
  EXPECT_NEAR(learned, 500, 60);
}

}  // namespace protocol_scores_test
}  // namespace datus::test
