// SPDX-License-Identifier: Apache-2.0
#include "datus/algo/image_counts.hpp"

#include "algo/scores/boundary_scan.hpp"
#include "algo/scores/pixel_scan.hpp"
#include "datus/core/error.hpp"
#include "datus/core/text.hpp"

#include <bit>
#include <cstddef>
#include <limits>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace datus {
namespace {

/// What the labels of a map may be, and how to speak of them.
struct LabelRange {
  int count = 0;  ///< 0: any
  std::string_view map_name;
  std::string_view label_name;
  std::string_view none_name;
  std::string_view what_to_do;
};

[[noreturn]] void refuse(std::int32_t label, std::size_t position, int width, const LabelRange& range) {
  const auto line = static_cast<std::size_t>(width);
  throw InputError("The " + std::string(range.map_name) + " has the " + std::string(range.label_name) + " " +
                       std::to_string(label) + " in row " + std::to_string(position / line) + ", column " +
                       std::to_string(position % line),
                   (range.count == 0 ? "0 and more" : "0 to " + std::to_string(range.count - 1)) + ", or -1 for " +
                       std::string(range.none_name) + ", are possible",
                   range.what_to_do);
}

bool is_within(std::int32_t label, const LabelRange& range) {
  return label >= no_label && (range.count == 0 || label < range.count);
}

/// Pixels by cluster and class, both from -1 on, as far as they occur.
class CellTable {
 public:
  void add(std::int32_t cluster, std::int32_t label, std::int64_t pixels) {
    const auto row = static_cast<std::size_t>(cluster + 1);
    const auto column = static_cast<std::size_t>(label + 1);
    if (row >= rows_.size()) rows_.resize(row + 1);
    if (column >= rows_[row].size()) rows_[row].resize(column + 1);
    rows_[row][column] += pixels;
  }

  void move_to(ImageCounts& counts) const {
    counts.clusters = rows_.empty() ? 0 : static_cast<std::int32_t>(rows_.size()) - 1;
    for (std::size_t cluster = 0; cluster < rows_.size(); ++cluster) {
      const auto& row = rows_[cluster];
      if (row.empty()) continue;
      counts.void_pixels += row[0];
      for (std::size_t label = 1; label < row.size(); ++label) {
        if (row[label] == 0) continue;
        counts.cells.push_back(
            {static_cast<std::int32_t>(cluster) - 1, static_cast<std::int32_t>(label) - 1, row[label]});
      }
    }
    counts.cells.shrink_to_fit();
  }

 private:
  std::vector<std::vector<std::int64_t>> rows_;
};

/// Calls `body` with the index of each pixel that ends a run, in order.
template <class Body>
void for_each_end(const PixelBits& ends, int height, int width, const Body& body) {
  for (int y = 0; y < height; ++y) {
    const std::size_t line = static_cast<std::size_t>(y) * static_cast<std::size_t>(width);
    const std::uint64_t* row = ends.row(y);
    for (std::size_t word = 0; word < ends.words(); ++word) {
      for (std::uint64_t rest = row[word]; rest != 0; rest &= rest - 1) {
        body(line + word * PixelBits::word_bits + static_cast<std::size_t>(std::countr_zero(rest)));
      }
    }
  }
}

std::int32_t label_of(std::int32_t stored) {
  return stored;
}

std::int32_t label_of(std::uint8_t stored) {
  return stored == std::numeric_limits<std::uint8_t>::max() ? no_label : std::int32_t{stored};
}

template <class Map>
ImageCounts count(const Map& prediction, const Map& truth, int clusters, int classes) {
  if (prediction.height != truth.height || prediction.width != truth.width ||
      prediction.labels.size() != truth.labels.size()) {
    throw InputError("A prediction has " + dimensions_text(prediction.height, prediction.width) + " pixels",
                     "its ground truth has " + dimensions_text(truth.height, truth.width),
                     "Make both at the same resolution.");
  }
  const LabelRange of_mask{clusters, "prediction", "cluster", "unassigned",
                           "Give the number of clusters that the masks were made with."};
  const LabelRange of_truth{classes, "ground truth", "class", "void",
                            "Check the list of classes and which value of the ground truth is void."};
  ImageCounts counts;
  CellTable table;
  const PixelScan scan = scan_pixels(prediction, truth);
  std::size_t begin = 0;
  // Neighbours mostly agree: a run at a time.
  for_each_end(scan.ends, scan.height, scan.width, [&](std::size_t last) {
    const std::int32_t cluster = label_of(prediction.labels[begin]);
    const std::int32_t label = label_of(truth.labels[begin]);
    if (!is_within(cluster, of_mask)) refuse(cluster, begin, prediction.width, of_mask);
    if (!is_within(label, of_truth)) refuse(label, begin, truth.width, of_truth);
    table.add(cluster, label, static_cast<std::int64_t>(last + 1 - begin));
    begin = last + 1;
  });
  table.move_to(counts);
  counts.boundary = count_boundary(scan);
  return counts;
}

}  // namespace

ImageCounts count_image(const LabelMap& prediction, const LabelMap& truth, int clusters, int classes) {
  return count(prediction, truth, clusters, classes);
}

ImageCounts count_image(const Labels& prediction, const Labels& truth, int clusters, int classes) {
  const auto* narrow = std::get_if<ByteLabelMap>(&prediction);
  const auto* narrow_truth = std::get_if<ByteLabelMap>(&truth);
  if (narrow != nullptr && narrow_truth != nullptr) return count(*narrow, *narrow_truth, clusters, classes);
  return count(widened(prediction), widened(truth), clusters, classes);
}

}  // namespace datus
