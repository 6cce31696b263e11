#include "model/vit_weights.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include <ATen/ops/empty.h>

namespace datus {
namespace {

using Values = std::map<std::string, std::vector<float>>;

at::Tensor to_tensor(const std::vector<float>& values, std::vector<std::int64_t> shape) {
  at::Tensor tensor = at::empty(shape, at::kFloat);
  std::ranges::copy(values, tensor.data_ptr<float>());
  return tensor;
}

/// Makes layers from the tensors by name. A layer is [out, in], or [out] for a norm.
class LayerMaker {
 public:
  LayerMaker(const Values& values, double eps) : values_(values), eps_(eps) {}

  [[nodiscard]] Linear linear(const std::string& name) const {
    const auto& weight = values_.at(name + ".weight");
    const auto& bias = values_.at(name + ".bias");
    const auto out = static_cast<std::int64_t>(bias.size());
    const auto in = static_cast<std::int64_t>(weight.size() / bias.size());
    return {to_tensor(weight, {out, in}), to_tensor(bias, {out})};
  }
  [[nodiscard]] Norm norm(const std::string& name) const {
    const auto& weight = values_.at(name + ".weight");
    const auto size = static_cast<std::int64_t>(weight.size());
    return {to_tensor(weight, {size}), to_tensor(values_.at(name + ".bias"), {size}), eps_};
  }

 private:
  const Values& values_;
  double eps_;
};

}  // namespace

ViTWeights load_vit_weights(const WeightBranch& branch, const ViTPlan& plan) {
  Values values;
  Hasher hasher;
  for (const auto& [name, shape] : plan.tensors) {
    const auto& floats = values.emplace(name, to_floats(*branch.tensors.at(name), branch.source)).first->second;
    hasher.add(name).add(static_cast<std::int64_t>(shape.size()));
    for (const std::int64_t size : shape) hasher.add(size);
    hasher.add_bytes(std::as_bytes(std::span(floats)));
  }
  const ViTFamily& family = *plan.family;
  const LayerMaker make(values, plan.architecture.layer_norm_eps);
  ViTWeights weights;
  weights.patch_embedding = make.linear(std::string(family.patch_embedding));
  weights.cls_token = values.at(std::string(family.cls_token));
  weights.positions = values.at(std::string(family.position_embedding));
  weights.final_norm = make.norm(std::string(family.final_norm));
  weights.hash = hasher.finish();
  for (int b = 0; b < plan.architecture.depth; ++b) {
    const auto layer = [&](std::string_view part) { return family.block_layer(b, part); };
    weights.blocks.emplace_back(make.norm(layer(family.norm1)), make.linear(layer(family.qkv)),
                                make.linear(layer(family.projection)), make.norm(layer(family.norm2)),
                                make.linear(layer(family.mlp_in)), make.linear(layer(family.mlp_out)),
                                plan.architecture.heads);
  }
  return weights;
}

}  // namespace datus
