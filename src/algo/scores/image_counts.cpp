#include "datus/algo/image_counts.hpp"

#include "datus/core/error.hpp"
#include "datus/core/text.hpp"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <string>
#include <string_view>

namespace datus {
namespace {

/// Labels below `limit` (0: any) or -1; returns the largest.
std::int32_t check_labels(const LabelMap& map, int limit, std::string_view map_name, std::string_view label_name,
                          std::string_view none_name, std::string_view what_to_do) {
  if (map.labels.empty()) return no_label;
  const auto [least, most] = std::ranges::minmax(map.labels);
  const std::int32_t end = limit == 0 ? std::numeric_limits<std::int32_t>::max() : limit;
  if (least >= no_label && most < end) return most;
  const auto wrong =
      std::ranges::find_if(map.labels, [=](std::int32_t label) { return label < no_label || label >= end; });
  const auto position = wrong - map.labels.begin();
  throw InputError(
      "The " + std::string(map_name) + " has the " + std::string(label_name) + " " + std::to_string(*wrong) +
          " in row " + std::to_string(position / map.width) + ", column " + std::to_string(position % map.width),
      "0 to " + std::to_string(end - 1) + ", or -1 for " + std::string(none_name) + ", are possible", what_to_do);
}

/// Pixels by cluster and class, both from -1 on, with a row for those clusters only that occur.
class CellTable {
 public:
  CellTable(std::int32_t largest_cluster, std::int32_t largest_class)
      : rows_(static_cast<std::size_t>(largest_cluster) + 2), width_(static_cast<std::size_t>(largest_class) + 2) {}

  void add(std::int32_t cluster, std::int32_t label, std::int64_t pixels) {
    auto& row = rows_[static_cast<std::size_t>(cluster + 1)];
    if (row.empty()) row.resize(width_);
    row[static_cast<std::size_t>(label + 1)] += pixels;
  }

  void move_to(ImageCounts& counts) const {
    for (std::size_t cluster = 0; cluster < rows_.size(); ++cluster) {
      if (rows_[cluster].empty()) continue;
      counts.void_pixels += rows_[cluster][0];
      for (std::size_t label = 1; label < width_; ++label) {
        const std::int64_t pixels = rows_[cluster][label];
        if (pixels == 0) continue;
        counts.cells.push_back({static_cast<std::int32_t>(cluster) - 1, static_cast<std::int32_t>(label) - 1, pixels});
      }
    }
    counts.cells.shrink_to_fit();
  }

 private:
  std::vector<std::vector<std::int64_t>> rows_;
  std::size_t width_;
};

}  // namespace

ImageCounts count_image(const LabelMap& prediction, const LabelMap& truth, int clusters, int classes) {
  if (prediction.height != truth.height || prediction.width != truth.width ||
      prediction.labels.size() != truth.labels.size()) {
    throw InputError("A prediction has " + dimensions_text(prediction.height, prediction.width) + " pixels",
                     "its ground truth has " + dimensions_text(truth.height, truth.width),
                     "Make both at the same resolution.");
  }
  const std::int32_t largest_cluster = check_labels(prediction, clusters, "prediction", "cluster", "unassigned",
                                                    "Give the number of clusters that the masks were made with.");
  const std::int32_t largest_class = check_labels(truth, classes, "ground truth", "class", "void",
                                                  "Check the list of classes and which value of the ground truth is "
                                                  "void.");
  ImageCounts counts;
  counts.clusters = largest_cluster + 1;
  CellTable table(largest_cluster, largest_class);
  // Neighbours mostly agree: a run at a time.
  const std::size_t size = truth.labels.size();
  for (std::size_t begin = 0; begin < size;) {
    const std::int32_t cluster = prediction.labels[begin];
    const std::int32_t label = truth.labels[begin];
    std::size_t end = begin + 1;
    while (end < size && prediction.labels[end] == cluster && truth.labels[end] == label) ++end;
    table.add(cluster, label, static_cast<std::int64_t>(end - begin));
    begin = end;
  }
  table.move_to(counts);
  counts.boundary.add(prediction, truth);
  return counts;
}

}  // namespace datus
