// SPDX-License-Identifier: Apache-2.0
#include "pipeline/stages/compared_images.hpp"

#include "datus/algo/protocol.hpp"
#include "datus/core/error.hpp"
#include "datus/core/hash.hpp"
#include "datus/core/parallel.hpp"
#include "datus/core/text.hpp"
#include "datus/io/mask_file.hpp"
#include "datus/model/evaluation_crop.hpp"
#include "pipeline/inputs/options_of_config.hpp"

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <variant>

namespace datus {
namespace {

ImageCounts counts_of(const Labels& mask, const Labels& truth, int clusters, int classes, std::int64_t image) {
  ImageCounts counts = count_image(mask, truth, clusters, classes);
  counts.image = image;
  return counts;
}

void require_crop(const Labels& labels) {
  const auto [height, width] = std::visit([](const auto& mask) { return std::pair(mask.height, mask.width); }, labels);
  if (height == evaluation_crop_side && width == evaluation_crop_side) return;
  throw InputError("protocol stego does not apply to " + dimensions_text(height, width) + " pixels",
                   "it scores masks of STEGO's 320 x 320 crops, of images that the model has seen cropped",
                   "Use stego-crop, which crops masks that were made otherwise.");
}

}  // namespace

MaskSource masks_of_items() {
  return {.read = [](const ImageTruth& image, std::size_t) { return read_mask_labels(image.truth.image); },
          .name_of = [](const ImageTruth& image, std::size_t) { return image.truth.image.string(); }};
}

bool is_learned_from(const std::string& name) {
  const std::string stem = name.substr(0, name.size() - std::filesystem::path(name).extension().string().size());
  return hash_64(std::as_bytes(std::span(stem)), 0) % 2 == 1;
}

std::vector<std::vector<ComparedImage>> compare_images(const std::vector<ImageTruth>& pairs,
                                                       const Comparison& comparison,
                                                       const std::function<void()>& tell) {
  using Wanted = EvaluateConfig::Protocol;
  const auto& protocols = comparison.protocols;
  const bool crops = std::ranges::any_of(protocols, [](Wanted one) { return rules_of(protocol_of(one)).crops; });
  const bool is_crop = comparison.masks_are_from_elsewhere && std::ranges::count(protocols, Wanted::stego) > 0;
  const auto& clusters = comparison.sizes.clusters;
  const int classes = comparison.sizes.classes;
  std::vector<std::vector<ComparedImage>> images(clusters.size(), std::vector<ComparedImage>(pairs.size()));
  parallel_for(std::ssize(pairs), comparison.threads, [&](std::int64_t i) {
    comparison.may_go_on();
    const ImageTruth& pair = pairs[static_cast<std::size_t>(i)];
    const Labels truth = comparison.dataset.read_truth_labels(pair.truth);
    const Labels truth_crop = crops ? evaluation_crop(widened(truth)) : LabelMap();
    for (std::size_t k = 0; k < clusters.size(); ++k) {
      ComparedImage& image = images[k][static_cast<std::size_t>(i)];
      image.is_learned_from = is_learned_from(pair.truth.name);
      const Labels mask = comparison.masks.read(pair, k);
      try {
        if (is_crop) require_crop(mask);
        image.all = counts_of(mask, truth, clusters[k], classes, pair.image);
        if (crops) image.crop = counts_of(evaluation_crop(widened(mask)), truth_crop, clusters[k], classes, pair.image);
      } catch (const Error& error) {
        throw InputError("Cannot compare " + comparison.masks.name_of(pair, k) + " with " + pair.truth.truth.string(),
                         error.what(), "");
      }
    }
    tell();
  });
  return images;
}

}  // namespace datus
