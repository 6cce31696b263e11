// SPDX-License-Identifier: Apache-2.0
#include "datus/algo/smoothing.hpp"

#include "algo/affinity/product.hpp"
#include "datus/core/error.hpp"
#include "datus/core/unfilled_vector.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

namespace datus {
namespace {

using affinity::panel_width;
using affinity::Product;

constexpr int strip_panels = 3;  // rows of whole tiles on every path
constexpr int strip_rows = strip_panels * panel_width;

constexpr std::size_t strips_of(int nodes) {
  return static_cast<std::size_t>((nodes + strip_rows - 1) / strip_rows);
}

/// Weighted sums of an image's embeddings for a strip of its patches at a time.
class StripSums {
 public:
  StripSums(const Product& cosines, std::span<const float> embeddings, int dim, std::span<const std::uint8_t> valid);

  /// Into the rows of `sums` [nodes, dim] from `first` on, a multiple of strip_rows; those of padding are left alone.
  /// Strips come in their order.
  void add_up(int first, float scale, std::span<float> sums);

 private:
  [[nodiscard]] bool is_valid(int node) const { return valid_.empty() || valid_[static_cast<std::size_t>(node)] != 0; }
  [[nodiscard]] float* weights(int panel, int node) {
    return packed_.data() + (static_cast<std::size_t>(panel) * nodes_ + static_cast<std::size_t>(node)) * panel_width;
  }
  [[nodiscard]] float* mirrored(int node, int other) {
    const auto strip = static_cast<std::size_t>(node / strip_rows);
    return mirrored_.data() + (strip * (strip - 1) / 2 * strip_rows + static_cast<std::size_t>(other)) * strip_rows +
           node % strip_rows;
  }
  void take_mirrored(int first);
  void weigh(int first, int rows, float scale);
  void mirror(int node, int first, int panel);
  void weigh_itself(int first, int rows);
  void list(int rows);

  const Product& cosines_;
  const affinity::Kernel& kernel_ = cosines_.kernel();
  std::span<const std::uint8_t> valid_;
  std::size_t nodes_;
  int dim_;
  /// Panels [node][panel_width] as kernels take them: the weights of all patches for those of the strip, then their
  /// embeddings.
  AlignedVector<float> packed_;
  /// For each strip the weights [patch][strip_rows] of the patches before it, which those had for its rows: the graph
  /// is symmetric.
  AlignedVector<float> mirrored_;
  std::vector<std::uint64_t> used_;  ///< of each patch: bit r says that its weight for row r of the strip is not 0
  /// For each tile of rows the patches with a weight there: most have none. A sum that starts at 0 has the same bits
  /// without products that are 0.
  std::vector<std::vector<std::int32_t>> listed_;
  AlignedVector<float> tile_;
};

StripSums::StripSums(const Product& cosines, std::span<const float> embeddings, int dim,
                     std::span<const std::uint8_t> valid)
    : cosines_(cosines),
      valid_(valid),
      nodes_(static_cast<std::size_t>(cosines.nodes())),
      dim_(dim),
      packed_(static_cast<std::size_t>(strip_panels + (dim + panel_width - 1) / panel_width) * nodes_ * panel_width),
      mirrored_(strips_of(cosines.nodes()) * (strips_of(cosines.nodes()) - 1) / 2 * strip_rows * strip_rows),
      used_(nodes_),
      listed_(static_cast<std::size_t>(strip_rows / kernel_.tile_rows)),
      tile_(static_cast<std::size_t>(kernel_.tile_rows * kernel_.tile_panels * panel_width)) {
  const auto width = static_cast<std::size_t>(dim);
  for (std::size_t node = 0; node < nodes_; ++node) {
    for (std::size_t d = 0; d < width; d += panel_width) {
      std::ranges::copy(embeddings.subspan(node * width + d, std::min<std::size_t>(panel_width, width - d)),
                        weights(strip_panels + static_cast<int>(d / panel_width), static_cast<int>(node)));
    }
  }
}

/// The weights of the patches before the strip.
void StripSums::take_mirrored(int first) {
  for (int node = 0; node < first; ++node) {
    const float* const from = mirrored(first, node);
    for (int panel = 0; panel < strip_panels; ++panel) {
      const float* const of_panel = from + panel * panel_width;
      std::copy_n(of_panel, panel_width, weights(panel, node));
      const std::uint64_t bits = kernel_.compare(of_panel, 0.0F);
      used_[static_cast<std::size_t>(node)] |= bits << (panel * panel_width);
    }
  }
}

/// Those of a patch behind the strip for a panel of the strip's rows are those of these rows for the patch.
void StripSums::mirror(int node, int first, int panel) {
  const float* const from = weights(panel, node);
  float* to = mirrored(node, first + panel * panel_width);
  for (int row = 0; row < panel_width; ++row, to += strip_rows) *to = from[row];
}

void StripSums::weigh(int first, int rows, float scale) {
  const int nodes = cosines_.nodes();
  const int panels = (rows + panel_width - 1) / panel_width;
  for (int panel = 0; panel < panels; panel += kernel_.tile_panels) {
    const int count = std::min(kernel_.tile_panels, panels - panel);
    for (int node = first; node < nodes; node += kernel_.tile_rows) {
      cosines_.multiply(node, first / panel_width + panel, count, tile_);
      for (int r = 0; r < std::min(kernel_.tile_rows, nodes - node); ++r) {
        const float* cosine = tile_.data() + r * kernel_.tile_panels * panel_width;
        for (int p = 0; p < count; ++p) {
          const std::uint64_t bits =
              kernel_.soft_weights(cosine + p * panel_width, scale, weights(panel + p, node + r));
          used_[static_cast<std::size_t>(node + r)] |= bits << ((panel + p) * panel_width);
          if (node >= first + strip_rows) mirror(node + r, first, panel + p);
        }
      }
    }
  }
}

/// The weight of a patch for itself is 1, whatever rounding made of its cosine.
void StripSums::weigh_itself(int first, int rows) {
  for (int row = 0; row < rows; ++row) {
    weights(row / panel_width, first + row)[row % panel_width] = 1.0F;
    used_[static_cast<std::size_t>(first + row)] |= std::uint64_t{1} << row;
  }
}

void StripSums::list(int rows) {
  for (auto& listed : listed_) listed.clear();
  const int tile_rows = kernel_.tile_rows;
  const std::uint64_t of_tile = (std::uint64_t{1} << tile_rows) - 1;
  for (int node = 0; node < cosines_.nodes(); ++node) {
    if (!is_valid(node)) continue;
    const std::uint64_t used = used_[static_cast<std::size_t>(node)];
    for (int row = 0; row < rows; row += tile_rows) {
      if ((used >> row & of_tile) != 0) listed_[static_cast<std::size_t>(row / tile_rows)].push_back(node);
    }
  }
}

void StripSums::add_up(int first, float scale, std::span<float> sums) {
  const int rows = std::min(strip_rows, cosines_.nodes() - first);
  std::ranges::fill(used_, 0);
  take_mirrored(first);
  weigh(first, rows, scale);
  weigh_itself(first, rows);
  list(rows);
  const int panels = (dim_ + panel_width - 1) / panel_width;
  for (int panel = 0; panel < panels; panel += kernel_.tile_panels) {
    const int count = std::min(kernel_.tile_panels, panels - panel);
    const int columns = std::min(count * panel_width, dim_ - panel * panel_width);
    for (int row = 0; row < rows; row += kernel_.tile_rows) {
      const auto& listed = listed_[static_cast<std::size_t>(row / kernel_.tile_rows)];
      kernel_.multiply_listed(packed_.data(), cosines_.nodes(), listed.data(), static_cast<int>(listed.size()), row,
                              strip_panels + panel, count, tile_.data());
      for (int r = 0; r < std::min(kernel_.tile_rows, rows - row); ++r) {
        const int node = first + row + r;
        if (!is_valid(node)) continue;
        const float* sum = tile_.data() + r * kernel_.tile_panels * panel_width;
        float* to = sums.data() + static_cast<std::size_t>(node) * static_cast<std::size_t>(dim_) +
                    static_cast<std::size_t>(panel) * panel_width;
        // A zero is positive, whichever products were left out.
        for (int c = 0; c < columns; ++c) to[c] = sum[c] + 0.0F;
      }
    }
  }
}

}  // namespace

AffinityOptions affinity::smoothing_options() {
  return {.center = AffinityOptions::Center::image, .metric = AffinityOptions::Metric::cosine};
}

void affinity::require_smoothing(double temperature) {
  if (temperature > 0.0) return;
  throw UsageError("The temperature " + std::to_string(temperature) + " cannot be used", "it must be above 0",
                   "Set descriptor.smoothing to a number such as 0.05, or to null.");
}

std::vector<float> smooth_embeddings(std::span<const float> embeddings, int nodes, int dim, double temperature,
                                     std::span<const std::uint8_t> valid, SimdPath path) {
  affinity::require_fitting(embeddings.size(), nodes, dim, valid);
  affinity::require_smoothing(temperature);
  const Product cosines(embeddings, nodes, dim, affinity::smoothing_options(), valid, path);
  StripSums strips(cosines, embeddings, dim, valid);
  std::vector<float> smooth(embeddings.begin(), embeddings.end());
  for (int first = 0; first < nodes; first += strip_rows) {
    strips.add_up(first, static_cast<float>(1.0 / temperature), smooth);
  }
  affinity::scale_to_unit_length(smooth, dim, cosines.kernel());
  return smooth;
}

}  // namespace datus
