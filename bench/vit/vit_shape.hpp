// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace datus::bench {

/// The sizes of a plain Vision Transformer and of its square input.
struct ViTShape {
  std::string name;
  int patch = 16;
  int dim = 384;
  int depth = 12;
  int heads = 6;
  int side = 224;

  [[nodiscard]] std::int64_t patches() const { return std::int64_t{side / patch} * (side / patch); }
  [[nodiscard]] std::int64_t tokens() const { return patches() + 1; }
  [[nodiscard]] std::int64_t patch_values() const { return std::int64_t{3} * patch * patch; }
  [[nodiscard]] std::int64_t hidden() const { return std::int64_t{4} * dim; }
  [[nodiscard]] std::int64_t head_dim() const { return dim / heads; }
};

/// A kind of matrix product, [rows, inner] times [inner, columns], and how often an image's forward pass has it.
struct Product {
  std::string part;
  std::int64_t rows;
  std::int64_t inner;
  std::int64_t columns;
  std::int64_t count;
  /// The right factor is stored as its transpose, like a linear layer's weight or the keys.
  bool transposed;

  [[nodiscard]] double flops() const { return 2.0 * static_cast<double>(rows * inner * columns * count); }
};

/// "S/16", "S/8", "B/16", "B/8", or PATCHxDIMxDEPTHxHEADS. Throws `UsageError` for anything else.
[[nodiscard]] ViTShape parse_shape(const std::string& text, int side);

/// All matrix products of a forward pass that gives the last block's keys: of that block only the key projection.
[[nodiscard]] std::vector<Product> products_of(const ViTShape& shape);

/// Of one image.
[[nodiscard]] double flops_of(const ViTShape& shape);

}  // namespace datus::bench
