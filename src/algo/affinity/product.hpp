// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "algo/affinity/kernels.hpp"
#include "datus/algo/affinity.hpp"
#include "datus/algo/aligned_vector.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

namespace datus::affinity {

/// The kernel of a path. Throws `UsageError` for one that this CPU lacks.
[[nodiscard]] Kernel kernel_for(SimdPath path);

/// Panels that hold so many rows.
[[nodiscard]] constexpr std::size_t panels_of(std::size_t rows) {
  return (rows + panel_width - 1) / panel_width;
}
/// Rows [n, dim] to unit length, in place: Kernel::scale_rows.
void scale_to_unit_length(std::span<float> rows, int dim, const Kernel& kernel);
/// Rows [n, size] to the panels at the start of `packed`; what fills up the last one is left alone.
void pack_rows(std::span<const float> rows, std::size_t size, std::span<float> packed);

/// One tile of K K^T: rows first_row ... first_row + rows - 1, columns first_column ... first_column + columns - 1, all
/// of them patches of the image.
struct Tile {
  const float* values;  ///< [rows, stride]
  int stride;
  int first_row;
  int rows;
  int first_column;
  int columns;
};

/// Throws `InputError` as `build_bit_graph` does unless there are 1 to `max_nodes` patches with a key each and, where
/// `valid` is not empty, a flag each.
void require_fitting(std::size_t values, int nodes, int dim, std::span<const std::uint8_t> valid);

/// Throws the `InputError` for an affinity of patches i and j that is not finite.
[[noreturn]] void refuse_affinity(int i, int j);
/// Throws `UsageError` unless these options have soft weights that can be: a temperature above 0, of cosines.
void require_soft_weights(const AffinityOptions& options);

/// How keys become cosines where embeddings are smoothed by them.
[[nodiscard]] AffinityOptions smoothing_options();
/// Throws `UsageError` for a temperature that embeddings cannot be smoothed with.
void require_smoothing(double temperature);

/// K K^T of an image's keys, after centring and scaling, tile by tile.
class Product {
 public:
  /// Parameters and errors as `build_bit_graph`.
  Product(std::span<const float> keys, int nodes, int dim, const AffinityOptions& options,
          std::span<const std::uint8_t> valid, SimdPath path);

  [[nodiscard]] int nodes() const noexcept { return nodes_; }
  [[nodiscard]] const Kernel& kernel() const noexcept { return kernel_; }
  /// One tile, as Kernel::multiply writes it.
  void multiply(int first_row, int first_panel, int panels, std::span<float> tile) const {
    kernel_.multiply(packed_.data(), dim_, first_row, first_panel, panels, tile.data());
  }

  /// Calls visit(const Tile&) for tiles that cover all pairs i <= j. A tile at the diagonal also holds pairs i > j,
  /// which have the same value as their mirror image: a product does not depend on the order of its factors.
  template <class Visit>
  void for_each_tile(Visit&& visit) const;

 private:
  int nodes_;
  int dim_;
  Kernel kernel_;
  AlignedVector<float> packed_;
};

template <class Visit>
void Product::for_each_tile(Visit&& visit) const {
  const int panels = (nodes_ + panel_width - 1) / panel_width;
  const int stride = kernel_.tile_panels * panel_width;
  AlignedVector<float> values(static_cast<std::size_t>(kernel_.tile_rows) * static_cast<std::size_t>(stride));
  for (int group = 0; group < panels; group += kernel_.tile_panels) {
    const int group_end = std::min(group + kernel_.tile_panels, panels);
    const int row_end = std::min(group_end * panel_width, nodes_);
    for (int row = 0; row < row_end; row += kernel_.tile_rows) {
      const int first_panel = std::max(group, row / panel_width);
      multiply(row, first_panel, group_end - first_panel, values);
      const int first_column = first_panel * panel_width;
      visit(Tile{.values = values.data(),
                 .stride = stride,
                 .first_row = row,
                 .rows = std::min(kernel_.tile_rows, nodes_ - row),
                 .first_column = first_column,
                 .columns = std::min(group_end * panel_width, nodes_) - first_column});
    }
  }
}

}  // namespace datus::affinity
