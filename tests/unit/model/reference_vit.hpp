// SPDX-License-Identifier: Apache-2.0
#pragma once

// A Vision Transformer in plain loops and double precision: the independent truth for what has no golden file. It takes
// the tokens' positions at the native size only.

#include "unit/model/weight_builders.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace datus::test {

using Row = std::vector<double>;
using Rows = std::vector<Row>;

class ReferenceViT {
 public:
  /// What differs between families: a model without CLS token has positions of patches only.
  struct Form {
    bool cls = true;
    bool relu6 = false;
    double eps = 1e-6;
  };

  ReferenceViT(PlainTensors tensors, int heads, Form form)
      : tensors_(std::move(tensors)), heads_(static_cast<std::size_t>(heads)), form_(form) {}
  ReferenceViT(PlainTensors tensors, int heads) : ReferenceViT(std::move(tensors), heads, Form{}) {}

  /// The tokens that enter block `layer`, CLS first; `image` is [3, side, side].
  [[nodiscard]] Rows tokens_before(std::span<const float> image, std::size_t side, int layer) const {
    Rows tokens = embed(image, side);
    for (int b = 0; b < layer; ++b) {
      const Rows qkv = linear(norm(tokens, block(b, "norm1")), block(b, "attn.qkv"));
      const std::vector<bool> everyone(tokens.size(), true);
      Rows attended;
      for (const Row& row : qkv) attended.push_back(attend(row, qkv, everyone));
      finish(tokens, attended, b);
    }
    return tokens;
  }

  [[nodiscard]] Rows final_norm(const Rows& tokens) const { return norm(tokens, "norm"); }

  /// Queries, keys and values side by side.
  [[nodiscard]] Rows qkv(const Rows& tokens, int layer) const {
    return linear(norm(tokens, block(layer, "norm1")), block(layer, "attn.qkv"));
  }

  /// The CLS token after block `layer` and the final norm when its query sees the rows named by `allowed` only.
  [[nodiscard]] Row masked_cls(const Rows& tokens, int layer, const std::vector<bool>& allowed) const {
    const Rows parts = qkv(tokens, layer);
    Rows cls{tokens[0]};
    finish(cls, {attend(parts[0], parts, allowed)}, layer);
    return final_norm(cls)[0];
  }

 private:
  static std::string block(int number, const std::string& layer) {
    return "blocks." + std::to_string(number) + "." + layer;
  }
  [[nodiscard]] const std::vector<float>& values(const std::string& name) const { return tensors_.at(name).values; }

  [[nodiscard]] Rows embed(std::span<const float> image, std::size_t side) const {
    const auto& position = values("pos_embed");
    const auto& weight = values("patch_embed.proj.weight");
    const auto& bias = values("patch_embed.proj.bias");
    const auto patch = static_cast<std::size_t>(tensors_.at("patch_embed.proj.weight").shape[3]);
    const std::size_t dim = bias.size();
    const std::size_t grid = side / patch;
    const std::size_t first = form_.cls ? 1 : 0;
    Rows tokens(first + grid * grid, Row(dim));
    for (std::size_t d = 0; d < dim; ++d) {
      if (form_.cls) tokens[0][d] = double{values("cls_token")[d]} + position[d];
      for (std::size_t p = 0; p < grid * grid; ++p) {
        double sum = double{bias[d]} + position[(first + p) * dim + d];
        for (std::size_t i = 0; i < 3 * patch * patch; ++i) {
          const std::size_t y = p / grid * patch + i / patch % patch;
          const std::size_t x = p % grid * patch + i % patch;
          sum += double{weight[d * 3 * patch * patch + i]} * image[(i / (patch * patch) * side + y) * side + x];
        }
        tokens[first + p][d] = sum;
      }
    }
    return tokens;
  }

  [[nodiscard]] Rows norm(const Rows& rows, const std::string& name) const {
    Rows result = rows;
    for (Row& row : result) {
      double mean = 0;
      double variance = 0;
      for (const double v : row) mean += v / static_cast<double>(row.size());
      for (const double v : row) variance += (v - mean) * (v - mean) / static_cast<double>(row.size());
      for (std::size_t d = 0; d < row.size(); ++d) {
        row[d] =
            (row[d] - mean) / std::sqrt(variance + form_.eps) * values(name + ".weight")[d] + values(name + ".bias")[d];
      }
    }
    return result;
  }

  [[nodiscard]] Rows linear(const Rows& rows, const std::string& name) const {
    const auto& weight = values(name + ".weight");
    const std::vector<float> zeros(weight.size() / rows[0].size());
    const auto& bias = tensors_.contains(name + ".bias") ? values(name + ".bias") : zeros;
    Rows result;
    for (const Row& row : rows) {
      Row& out = result.emplace_back(bias.begin(), bias.end());
      for (std::size_t o = 0; o < out.size(); ++o) {
        for (std::size_t i = 0; i < row.size(); ++i) out[o] += weight[o * row.size() + i] * row[i];
      }
    }
    return result;
  }

  /// Attention of the query part of one row over the allowed rows.
  [[nodiscard]] Row attend(const Row& query, const Rows& rows, const std::vector<bool>& allowed) const {
    const std::size_t dim = query.size() / 3;
    const std::size_t width = dim / heads_;
    Row result(dim, 0.0);
    for (std::size_t h = 0; h < heads_; ++h) {
      double total = 0;
      for (std::size_t r = 0; r < rows.size(); ++r) {
        if (!allowed[r]) continue;
        double dot = 0;
        for (std::size_t d = 0; d < width; ++d) dot += query[h * width + d] * rows[r][dim + h * width + d];
        const double share = std::exp(dot / std::sqrt(static_cast<double>(width)));
        total += share;
        for (std::size_t d = 0; d < width; ++d) result[h * width + d] += share * rows[r][2 * dim + h * width + d];
      }
      for (std::size_t d = 0; d < width; ++d) result[h * width + d] /= total;
    }
    return result;
  }

  void finish(Rows& tokens, const Rows& attended, int layer) const {
    add(tokens, linear(attended, block(layer, "attn.proj")));
    Rows hidden = linear(norm(tokens, block(layer, "norm2")), block(layer, "mlp.fc1"));
    for (Row& row : hidden) {
      for (double& v : row) v = form_.relu6 ? std::clamp(v, 0.0, 6.0) : 0.5 * v * (1 + std::erf(v / std::sqrt(2.0)));
    }
    add(tokens, linear(hidden, block(layer, "mlp.fc2")));
  }

  static void add(Rows& to, const Rows& rows) {
    for (std::size_t r = 0; r < to.size(); ++r) {
      for (std::size_t d = 0; d < to[r].size(); ++d) to[r][d] += rows[r][d];
    }
  }

  PlainTensors tensors_;
  std::size_t heads_;
  Form form_;
};

}  // namespace datus::test
