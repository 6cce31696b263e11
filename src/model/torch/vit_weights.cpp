// SPDX-License-Identifier: Apache-2.0
#include "model/torch/vit_weights.hpp"

#include "model/torch/tensor_loader.hpp"

#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <utility>

namespace datus {
namespace {

/// The tensors of one model, named by its family.
class Assembler {
 public:
  Assembler(const WeightFile& file, const WeightBranch& branch, const ViTPlan& plan)
      : plan_(plan), family_(*plan.family), model_(plan.architecture), loader_(file, branch, plan) {}

  ViTWeights run() {
    ViTWeights weights;
    weights.patch_embedding = patch_embedding();
    read_tokens(weights);
    weights.final_norm = norm(std::string(family_.final_norm));
    for (int b = 0; b < model_.depth; ++b) weights.blocks.push_back(block(b));
    if (!family_.image_head.empty()) weights.image_head = image_head();
    weights.hash = loader_.hash();
    return weights;
  }

 private:
  [[nodiscard]] Norm norm(const std::string& name) {
    return {loader_.tensor(name + ".weight"), loader_.tensor(name + ".bias"), model_.layer_norm_eps};
  }
  [[nodiscard]] Linear linear(const std::string& name) {
    return {loader_.tensor(name + ".weight"), loader_.tensor(name + ".bias")};
  }

  [[nodiscard]] Linear patch_embedding() {
    Linear layer = linear(std::string(family_.patch_embedding));
    layer.weight = layer.weight.reshape({model_.dim, std::int64_t{3} * model_.patch * model_.patch});
    return layer;
  }

  void read_tokens(ViTWeights& weights) {
    const auto dim = static_cast<std::size_t>(model_.dim);
    if (model_.has_cls) weights.cls_token = loader_.values(std::string(family_.cls_token));
    if (model_.registers > 0) weights.registers = loader_.values(std::string(family_.registers));
    if (!family_.position_embedding.empty()) {
      weights.positions = loader_.values(std::string(family_.position_embedding));
      if (family_.cls_has_position) {
        for (std::size_t d = 0; d < dim; ++d) weights.cls_token[d] += weights.positions[d];
        weights.positions.erase(weights.positions.begin(),
                                weights.positions.begin() + static_cast<std::ptrdiff_t>(dim));
      }
    }
    if (model_.is_rotary()) weights.rotary_periods = rotary_periods();
  }

  /// period_i = base^(i / (head width / 4)) where the file does not store them.
  [[nodiscard]] std::vector<double> rotary_periods() {
    if (!family_.rotary_periods.empty()) {
      const auto stored = loader_.values(std::string(family_.rotary_periods));
      return {stored.begin(), stored.end()};
    }
    const int count = model_.dim / model_.heads / 4;
    std::vector<double> periods;
    for (int i = 0; i < count; ++i) periods.push_back(std::pow(model_.rotary_period, static_cast<double>(i) / count));
    return periods;
  }

  /// Query, key and value stacked, [3 D, D].
  [[nodiscard]] Linear projections(int b) {
    const std::int64_t dim = model_.dim;
    Linear all{loader_.empty({3 * dim, dim}), loader_.zeros({3 * dim})};
    const auto fill = [&](std::string_view layer, std::int64_t first, std::int64_t count) {
      const std::string name = family_.block_layer(b, layer);
      loader_.fill(name + ".weight", all.weight.narrow(0, first, count));
      if (plan_.uses(name + ".bias")) loader_.fill(name + ".bias", all.bias.narrow(0, first, count));
    };
    if (!family_.qkv.empty()) {
      fill(family_.qkv, 0, 3 * dim);
      for (const auto& [name, first] :
           {std::pair(family_.query_bias, std::int64_t{0}), std::pair(family_.value_bias, 2 * dim)}) {
        const std::string bias = family_.block_layer(b, name);
        if (plan_.uses(bias)) loader_.fill(bias, all.bias.narrow(0, first, dim));
      }
    } else {
      for (std::size_t part = 0; part < 3; ++part) {
        fill(family_.projections[part], static_cast<std::int64_t>(part) * dim, dim);
      }
    }
    if (plan_.masked_key_bias) all.bias.narrow(0, dim, dim).zero_();
    return all;
  }

  [[nodiscard]] Linear first_of_mlp(int b) {
    const std::string in = family_.block_layer(b, plan_.mlp->in);
    if (plan_.mlp->gate.empty()) return linear(in);
    const std::string gate = family_.block_layer(b, plan_.mlp->gate);
    const std::int64_t hidden = model_.hidden;
    Linear both{loader_.empty({2 * hidden, model_.dim}), loader_.empty({2 * hidden})};
    for (const auto& [name, first] : {std::pair(gate, std::int64_t{0}), std::pair(in, hidden)}) {
      loader_.fill(name + ".weight", both.weight.narrow(0, first, hidden));
      loader_.fill(name + ".bias", both.bias.narrow(0, first, hidden));
    }
    return both;
  }

  [[nodiscard]] Linear scaled(int b, std::string_view layer, std::string_view scale) {
    Linear result = linear(family_.block_layer(b, layer));
    const std::string name = scale.empty() ? std::string() : family_.block_layer(b, scale);
    if (!plan_.uses(name)) return result;
    const at::Tensor factor = loader_.tensor(name);
    result.weight.mul_(factor.unsqueeze(1));
    result.bias.mul_(factor);
    return result;
  }

  [[nodiscard]] TransformerBlock block(int b) {
    const auto layer = [&](std::string_view part) { return family_.block_layer(b, part); };
    TransformerBlock::Layers layers;
    layers.norm1 = norm(layer(family_.norm1));
    layers.qkv = projections(b);
    layers.projection = scaled(b, family_.projection, family_.scale1);
    layers.norm2 = norm(layer(family_.norm2));
    layers.mlp_in = first_of_mlp(b);
    layers.mlp_out = scaled(b, plan_.mlp->out, family_.scale2);
    return {std::move(layers), model_.activation, model_.heads};
  }

  /// A linear layer without bias and the batch norm behind it, whose statistics are fixed, as one layer.
  [[nodiscard]] Linear normalised(int number) {
    constexpr double batch_norm_eps = 2e-5;
    const std::string name(family_.image_head);
    const std::string batch_norm = name + "." + std::to_string(number + 1);
    Linear layer{loader_.tensor(name + "." + std::to_string(number) + ".weight"), {}};
    const at::Tensor factor = loader_.tensor(batch_norm + ".running_var").add_(batch_norm_eps).rsqrt_();
    factor.mul_(loader_.tensor(batch_norm + ".weight"));
    layer.weight.mul_(factor.unsqueeze(1));
    layer.bias = loader_.tensor(batch_norm + ".running_mean").mul_(factor).neg_();
    layer.bias.add_(loader_.tensor(batch_norm + ".bias"));
    return layer;
  }
  [[nodiscard]] ImageHead image_head() { return {normalised(0), normalised(2)}; }

  const ViTPlan& plan_;
  const ViTFamily& family_;
  const ViTArchitecture& model_;
  TensorLoader loader_;
};

}  // namespace

ViTWeights load_vit_weights(const WeightFile& file, const WeightBranch& branch, const ViTPlan& plan) {
  return Assembler(file, branch, plan).run();
}

}  // namespace datus
