// SPDX-License-Identifier: Apache-2.0
#include "pipeline/compare/comparison_pictures.hpp"

#include "datus/core/error.hpp"
#include "datus/core/parallel.hpp"
#include "datus/io/encoded_image.hpp"
#include "datus/io/image_reader.hpp"
#include "datus/pipeline/report_limits.hpp"
#include "pipeline/inputs/options_of_config.hpp"
#include "pipeline/report/html.hpp"
#include "pipeline/report/report_data.hpp"
#include "pipeline/report/thumbnails.hpp"

#include <cstdint>
#include <optional>

namespace datus {
namespace {

constexpr int photo_quality = 82;
constexpr int most_colours = 255;  // of a PNG with a palette

std::string map_png(const LabelMap& map, const Palette& palette) {
  const auto labels = static_cast<int>(palette.colours.size());
  return base64(labels <= most_colours ? label_png_bytes(map, labels, palette) : png_bytes(in_colours(map, palette)));
}

/// Of each pixel its place in `difference_kinds`, or `no_label` where the ground truth is void.
LabelMap differences_of(const std::array<LabelMap, 2>& masks, const std::optional<LabelMap>& truth,
                        const RunComparison& comparison) {
  LabelMap result(masks[0].height, masks[0].width);
  const auto is_right = [&](std::size_t run, std::size_t pixel) {
    const std::int32_t label = masks[run].labels[pixel];
    return label >= 0 && comparison.mapping[run][static_cast<std::size_t>(label)] == truth->labels[pixel];
  };
  for (std::size_t i = 0; i < result.labels.size(); ++i) {
    if (truth) {
      if (truth->labels[i] >= 0) result.labels[i] = (is_right(0, i) ? 0 : 1) + (is_right(1, i) ? 0 : 2);
      continue;
    }
    const std::int32_t first = masks[0].labels[i];
    const std::int32_t partner = first < 0 ? no_label : comparison.partners[static_cast<std::size_t>(first)];
    const bool agree = first < 0 ? masks[1].labels[i] < 0 : partner >= 0 && partner == masks[1].labels[i];
    result.labels[i] = agree ? 0 : 1;
  }
  return result;
}

class Drawer {
 public:
  Drawer(const RunPair& pair, const RunComparison& comparison, std::int64_t most_pixels)
      : pair_(pair), comparison_(comparison), most_pixels_(most_pixels), colours_(colours_of(pair, comparison)) {
    for (const DifferenceKind& kind : difference_kinds(comparison)) differences_.colours.push_back(kind.colour);
  }

  [[nodiscard]] ComparisonPicture draw(std::size_t place) const {
    const CommonImage& image = pair_.images[place];
    ComparisonPicture picture;
    picture.place = place;
    const auto original = photo_of(image);
    const Image photo = thumbnail(original.value_or(Image(image.height, image.width)), most_pixels_);
    picture.height = photo.height;
    picture.width = photo.width;
    if (original) picture.photo = base64(jpeg_bytes(photo, photo_quality));
    const auto small = [&](const LabelMap& map) { return at_size(map, photo.height, photo.width); };
    const std::array masks = {small(pair_.mask(0, image)), small(pair_.mask(1, image))};
    for (std::size_t run = 0; run < 2; ++run) picture.masks[run] = map_png(masks[run], colours_.clusters[run]);
    std::optional<LabelMap> truth;
    if (comparison_.is_scored() && !image.item.truth.empty()) {
      truth = small(pair_.dataset->read_truth(image.item));
      picture.truth = map_png(*truth, colours_.classes);
    }
    if (truth || !comparison_.is_scored()) {
      picture.differences = map_png(differences_of(masks, truth, comparison_), differences_);
    }
    return picture;
  }

 private:
  [[nodiscard]] std::optional<Image> photo_of(const CommonImage& image) const {
    if (image.item.image.empty()) return std::nullopt;
    try {
      return read_image(image.item.image, orientation_of(pair_.runs[0].config.dataset));
    } catch (const InputError&) {
      return std::nullopt;  // the page shows its masks alone
    }
  }

  const RunPair& pair_;
  const RunComparison& comparison_;
  std::int64_t most_pixels_;
  ComparisonColours colours_;
  Palette differences_;
};

}  // namespace

ComparisonColours colours_of(const RunPair& pair, const RunComparison& comparison) {
  ComparisonColours colours;
  if (comparison.is_scored()) {
    const ReportClasses classes{.count = comparison.classes, .given = comparison.class_colours};
    colours.classes = classes.palette();
    for (std::size_t run = 0; run < 2; ++run) {
      colours.clusters[run] = cluster_colours(pair.runs[run].k, comparison.mapping[run], classes);
    }
    return colours;
  }
  std::vector<int> partner_of_second(static_cast<std::size_t>(pair.runs[1].k), -1);
  for (std::size_t label = 0; label < comparison.partners.size(); ++label) {
    const int partner = comparison.partners[label];
    if (partner >= 0) partner_of_second[static_cast<std::size_t>(partner)] = static_cast<int>(label);
  }
  colours.clusters = {label_palette(pair.runs[0].k),
                      cluster_colours(pair.runs[1].k, partner_of_second, {.count = pair.runs[0].k})};
  return colours;
}

std::vector<DifferenceKind> difference_kinds(const RunComparison& comparison) {
  constexpr Colour pale{198, 211, 220};
  constexpr Colour orange{230, 85, 13};
  if (!comparison.is_scored()) return {{"the masks agree", pale}, {"they differ", orange}};
  return {{"both right", pale},
          {"the second alone is right", {31, 120, 209}},
          {"the first alone is right", orange},
          {"neither is right", {80, 86, 94}}};
}

std::vector<ComparisonPicture> draw_comparison(const RunPair& pair, const RunComparison& comparison,
                                               const std::vector<std::size_t>& places, int threads) {
  constexpr int maps = 4;
  const Drawer drawer(pair, comparison, report_picture_pixels(std::ssize(places), maps));
  std::vector<ComparisonPicture> pictures(places.size());
  parallel_for(std::ssize(places), threads, [&](std::int64_t i) {
    pictures[static_cast<std::size_t>(i)] = drawer.draw(places[static_cast<std::size_t>(i)]);
  });
  return pictures;
}

}  // namespace datus
