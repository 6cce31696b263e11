// SPDX-License-Identifier: Apache-2.0
#include "pipeline/stages/refined_labels.hpp"

#include "datus/algo/pixel_classes.hpp"
#include "datus/model/resize.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <numeric>
#include <type_traits>
#include <utility>

namespace datus {
namespace {

/// The image, or a smaller one of the same shape with at most about `most` pixels.
Image at_most(const Image& image, std::int64_t most) {
  const std::int64_t pixels = std::int64_t{image.height} * image.width;
  if (pixels <= most) return image;
  const double scale = std::sqrt(static_cast<double>(most) / static_cast<double>(pixels));
  const auto side = [&](int length) { return std::max(1, static_cast<int>(std::lround(scale * length))); };
  return resize_image(image, side(image.height), side(image.width), Resample::bilinear);
}

}  // namespace

RefinedLabels::RefinedLabels(InputPreparation preparation, MaskConfig::Refine refine)
    : preparation_(std::move(preparation)) {
  switch (refine) {
    case MaskConfig::Refine::none:
      break;
    case MaskConfig::Refine::crf:
      method_.emplace<DenseCrf>();
      break;
    case MaskConfig::Refine::guided:
      method_.emplace<GuidedFilter>();
      break;
  }
}

void RefinedLabels::look_at(const Image& image) {
  height_ = image.height;
  width_ = image.width;
  const Image small =
      at_most(image, std::int64_t{preparation_.grid().patches()} * preparation_.patch() * preparation_.patch());
  small_height_ = small.height;
  small_width_ = small.width;
  std::visit(
      [&]<class Method>(Method& method) {
        if constexpr (!std::is_same_v<Method, std::monostate>) method.look_at(small);
      },
      method_);
}

void RefinedLabels::labels(std::span<const float> similarities, std::span<const int> clusters, const TakeLabels& take) {
  const int all = std::accumulate(clusters.begin(), clusters.end(), 0);
  const PatchSimilarities of_all{similarities, preparation_.grid(), all, 0, all};
  // The guided filter takes each class by itself; the CRF's depend on all others of their clustering.
  if (std::holds_alternative<GuidedFilter>(method_)) return refine(of_all, clusters, 0, take);
  int first = 0;
  for (std::size_t i = 0; i < clusters.size(); ++i) {
    const PatchSimilarities part = of_all.part(first, clusters[i]);
    if (std::holds_alternative<DenseCrf>(method_)) {
      refine(part, clusters.subspan(i, 1), i, take);
    } else {
      take(i, most_similar(part, preparation_.geometry(height_, width_).blend_original()));
    }
    first += clusters[i];
  }
}

void RefinedLabels::refine(const PatchSimilarities& similarities, std::span<const int> clusters, std::size_t number,
                           const TakeLabels& take) {
  const PatchBlends down = preparation_.geometry(small_height_, small_width_).blend_original();
  const std::size_t pixels = static_cast<std::size_t>(small_height_) * static_cast<std::size_t>(small_width_);
  std::map<std::size_t, LargestClasses> open;  // clusterings with a class so far, and some to come
  const auto take_group = [&](int group, int count, std::size_t pixel, std::span<const float> values) {
    int first = 0;
    for (std::size_t i = 0; i < clusters.size(); first += clusters[i++]) {
      const ClassLanes lanes{.begin = std::max(first - group, 0),
                             .end = std::min(first + clusters[i] - group, count),
                             .first = group - first};
      if (lanes.begin >= lanes.end) continue;
      LargestClasses& largest = open.try_emplace(i, height_, width_, small_height_, small_width_).first->second;
      largest.add(lanes, pixel, values);
      const bool is_complete =
          pixel + values.size() / class_group_size == pixels && lanes.end == first + clusters[i] - group;
      if (!is_complete) continue;
      take(number + i, without_hidden(std::move(largest).map()));
      open.erase(i);
    }
  };
  if (auto* const crf = std::get_if<DenseCrf>(&method_)) {
    constexpr float sharpness = 20.0F;
    crf->refine(
        similarities.clusters,
        [&](int first, int count, std::size_t pixel, std::span<float> values) {
          give_pixels(similarities.part(first, count), down, sharpness, pixel, values);
        },
        take_group);
  }
  if (auto* const guided = std::get_if<GuidedFilter>(&method_)) {
    constexpr int step = GuidedFilterOptions().step;
    const std::vector<CellBlend> rows = blend_cells(down.rows, step);
    const std::vector<CellBlend> cols = blend_cells(down.cols, step);
    guided->refine(
        similarities.clusters,
        [&](int first, int count, std::size_t cell, std::span<float> values) {
          give_cells(similarities.part(first, count), rows, cols, cell, values);
        },
        take_group);
  }
}

/// Pixels that no patch shows lose their labels.
LabelMap RefinedLabels::without_hidden(LabelMap labels) const {
  const PatchBlends shown = preparation_.geometry(height_, width_).blend_original();
  const auto is_hidden = [](const PatchBlend& line) { return line.first < 0; };
  auto row = std::span(labels.labels);
  for (const PatchBlend& line : shown.rows) {
    if (is_hidden(line)) std::ranges::fill(row.first(shown.cols.size()), no_label);
    row = row.subspan(shown.cols.size());
  }
  for (std::size_t x = 0; x < shown.cols.size(); ++x) {
    if (!is_hidden(shown.cols[x])) continue;
    for (std::size_t at = x; at < labels.labels.size(); at += shown.cols.size()) labels.labels[at] = no_label;
  }
  return labels;
}

std::int64_t refining_bytes_per_pixel(MaskConfig::Refine refine, int clusters) {
  constexpr std::int64_t group_bytes = class_group_size * sizeof(float);
  switch (refine) {
    case MaskConfig::Refine::none:
      return 0;
    case MaskConfig::Refine::crf: {
      constexpr std::int64_t lattices = 200;
      return 2 * group_bytes * ((clusters + class_group_size - 1) / class_group_size) + lattices;
    }
    case MaskConfig::Refine::guided:
      break;
  }
  constexpr std::int64_t cells = 40;  // rows of pixels are few
  return cells;
}

}  // namespace datus
