// SPDX-License-Identifier: Apache-2.0
#include "model/vit/vit_plan.hpp"

#include "datus/core/error.hpp"
#include "model/vit/head_count.hpp"
#include "model/vit/strangers.hpp"

#include <algorithm>
#include <cmath>
#include <set>
#include <string_view>

namespace datus {
namespace {

const ViTFamily& find_family(const WeightBranch& weights) {
  const auto has = [&](std::string_view name) { return name.empty() || weights.has(std::string(name)); };
  const auto fits = [&](const ViTFamily& family) {
    return has(family.sign) && has(family.second_sign) &&
           (family.absent.empty() || !weights.has(std::string(family.absent)));
  };
  return *std::ranges::find_if(vit_families(), fits);  // the last row fits always
}

/// Collects the tensors of a model, each one checked against the shape that the others demand.
class Planner {
 public:
  Planner(const WeightBranch& weights, const ViTFamily& family) : weights_(weights), family_(family) {
    plan_.family = &family;
    plan_.architecture.family = family.name;
  }

  ViTPlan run() {
    find_sizes();
    take_tokens();
    for (int b = 0; b < plan_.architecture.depth; ++b) take_block(b);
    if (!family_.image_head.empty()) take_image_head();
    sort_out_leftovers();
    for (const auto& [name, shape] : plan_.tensors)
      plan_.architecture.parameters += weights_.tensors.at(name)->elements();
    return std::move(plan_);
  }

 private:
  [[nodiscard]] const WeightTensor& find(const std::string& name) const {
    const auto found = weights_.tensors.find(name);
    if (found != weights_.tensors.end()) return *found->second;
    throw InputError(
        "the weights file " + weights_.source + " has no tensor " + weights_.prefix + name,
        "taken for " + std::string(family_.name) + "; its first tensor is " + weights_.tensors.begin()->second->name,
        "Check that it is a Vision Transformer, and model.branch.");
  }
  [[nodiscard]] const WeightTensor& find(const std::string& name, std::size_t rank) const {
    const WeightTensor& tensor = find(name);
    if (tensor.shape.size() != rank) fail_shape(tensor, std::to_string(rank) + " dimensions");
    return tensor;
  }

  [[noreturn]] void fail_shape(const WeightTensor& tensor, const std::string& expected) const {
    throw InputError("tensor " + tensor.name + " of the weights file " + weights_.source + " has the shape " +
                         shape_text(tensor.shape),
                     "expected " + expected + " in " + std::string(family_.name),
                     "The file is damaged or holds another kind of model.");
  }

  [[nodiscard]] int dimension(const WeightTensor& tensor, std::size_t index) const {
    constexpr std::int64_t most = std::int64_t{1} << 20U;
    const std::int64_t size = tensor.shape[index];
    if (size < 1 || size > most) fail_shape(tensor, "a size between 1 and 2^20");
    return static_cast<int>(size);
  }

  [[nodiscard]] bool has_in_first_block(std::string_view layer, std::string_view part) const {
    return !layer.empty() && weights_.has(family_.block_layer(0, layer) + std::string(part));
  }

  void find_sizes() {
    ViTArchitecture& model = plan_.architecture;
    const auto& patches = find(std::string(family_.patch_embedding) + ".weight", 4);
    model.dim = dimension(patches, 0);
    model.patch = dimension(patches, 2);
    model.has_cls = !family_.cls_token.empty();
    model.image_vector_dim = model.has_cls ? model.dim : 0;
    if (!family_.position_embedding.empty()) model.native_grid = native_grid();
    const std::string registers(family_.registers);
    if (weights_.has(registers)) model.registers = dimension(find(registers, 3), 1);
    model.depth = depth();
    find_mlp();
  }

  [[nodiscard]] int native_grid() const {
    const WeightTensor& tensor = find(std::string(family_.position_embedding), 3);
    const int positions = dimension(tensor, 1) - (family_.cls_has_position ? 1 : 0);
    const int side = static_cast<int>(std::lround(std::sqrt(positions)));
    if (side < 1 || side * side != positions) {
      fail_shape(tensor, (family_.cls_has_position ? "1 + " : "") + std::string("a square number of positions") +
                             (family_.absent.empty() ? "" : ", for it has no " + std::string(family_.absent)));
    }
    return side;
  }

  [[nodiscard]] int depth() const {
    int count = 1;  // a model without blocks lacks the tensors of the first one
    while (weights_.has(family_.block_layer(count, family_.norm1) + ".weight")) ++count;
    return count;
  }

  void find_mlp() {
    const auto is_there = [&](const MlpNames& mlp) {
      return (mlp.gate.empty() || has_in_first_block(mlp.gate, ".weight")) && has_in_first_block(mlp.in, ".weight") &&
             has_in_first_block(mlp.out, ".weight");
    };
    const auto found = std::ranges::find_if(family_.mlps, is_there);
    plan_.mlp = found == family_.mlps.end() ? &family_.mlps.front() : &*found;
    ViTArchitecture& model = plan_.architecture;
    model.hidden = dimension(find(family_.block_layer(0, plan_.mlp->out) + ".weight", 2), 1);
    const WeightTensor& in = find(family_.block_layer(0, plan_.mlp->in) + ".weight", 2);
    const bool stacked = plan_.mlp->gate.empty() && dimension(in, 0) == 2 * model.hidden;
    model.activation = stacked || !plan_.mlp->gate.empty() ? Activation::swiglu : family_.activation;
  }

  void take(const std::string& name, std::vector<std::int64_t> shape) {
    const WeightTensor& tensor = find(name);
    if (tensor.shape != shape) fail_shape(tensor, shape_text(shape));
    plan_.tensors.emplace(name, std::move(shape));
  }
  void take_layer(const std::string& name, std::vector<std::int64_t> shape) {
    take(name + ".bias", {shape[0]});
    take(name + ".weight", std::move(shape));
  }
  /// A projection whose bias some models go without, in all blocks.
  void take_projection(int number, std::string_view layer, std::vector<std::int64_t> shape) {
    const std::string name = family_.block_layer(number, layer);
    if (has_in_first_block(layer, ".bias")) take(name + ".bias", {shape[0]});
    take(name + ".weight", std::move(shape));
  }

  void take_tokens() {
    const ViTArchitecture& model = plan_.architecture;
    const std::int64_t dim = model.dim;
    if (model.has_cls) take(std::string(family_.cls_token), {1, 1, dim});
    if (model.registers > 0) take(std::string(family_.registers), {1, model.registers, dim});
    if (!model.is_rotary()) {
      const std::int64_t positions = std::int64_t{model.native_grid} * model.native_grid;
      take(std::string(family_.position_embedding), {1, (family_.cls_has_position ? 1 : 0) + positions, dim});
    }
    const std::string periods(family_.rotary_periods);
    if (!periods.empty()) take(periods, {dimension(find(periods, 1), 0)});
    take_layer(std::string(family_.patch_embedding), {dim, 3, model.patch, model.patch});
    take_layer(std::string(family_.final_norm), {dim});
  }

  void take_block(int b) {
    const std::int64_t dim = plan_.architecture.dim;
    const auto layer = [&](std::string_view part) { return family_.block_layer(b, part); };
    take_layer(layer(family_.norm1), {dim});
    if (family_.qkv.empty()) {
      for (const std::string_view part : family_.projections) take_projection(b, part, {dim, dim});
    } else {
      take_projection(b, family_.qkv, {3 * dim, dim});
    }
    for (const std::string_view bias : {family_.query_bias, family_.value_bias}) {
      if (has_in_first_block(bias, "")) take(layer(bias), {dim});
    }
    if (has_in_first_block(family_.key_bias_mask, "")) {
      const WeightTensor& mask = find(layer(family_.key_bias_mask));
      if (mask.shape != std::vector<std::int64_t>{3 * dim}) fail_shape(mask, shape_text(std::array{3 * dim}));
      masks_.insert(layer(family_.key_bias_mask));
      plan_.masked_key_bias = true;
    }
    take_layer(layer(family_.projection), {dim, dim});
    take_layer(layer(family_.norm2), {dim});
    const std::int64_t hidden = plan_.architecture.hidden;
    const bool stacked = plan_.architecture.activation == Activation::swiglu && plan_.mlp->gate.empty();
    if (!plan_.mlp->gate.empty()) take_layer(layer(plan_.mlp->gate), {hidden, dim});
    take_layer(layer(plan_.mlp->in), {stacked ? 2 * hidden : hidden, dim});
    take_layer(layer(plan_.mlp->out), {dim, hidden});
    for (const std::string_view scale : {family_.scale1, family_.scale2}) {
      if (has_in_first_block(scale, "")) take(layer(scale), {dim});
    }
  }

  /// linear, batch norm, linear, batch norm.
  void take_image_head() {
    ViTArchitecture& model = plan_.architecture;
    const std::string head(family_.image_head);
    const std::int64_t all = std::int64_t{model.native_grid} * model.native_grid * model.dim;
    model.image_vector_dim = dimension(find(head + ".2.weight", 2), 0);
    take(head + ".0.weight", {model.dim, all});
    take(head + ".2.weight", {model.image_vector_dim, model.dim});
    for (const auto& [number, size] : {std::pair{".1", model.dim}, std::pair{".3", model.image_vector_dim}}) {
      for (const char* part : {".weight", ".bias", ".running_mean", ".running_var"}) take(head + number + part, {size});
    }
  }

  void sort_out_leftovers() {
    for (const auto& [name, tensor] : weights_.tensors) {
      if (plan_.uses(name)) continue;
      const auto begins = [&](const IgnoredTensors& ignored) { return name.starts_with(ignored.prefix); };
      const auto found = std::ranges::find_if(family_.ignored, begins);
      if (found != family_.ignored.end()) {
        plan_.ignored.emplace_back(name, found->why);
      } else if (masks_.contains(name)) {
        plan_.ignored.emplace_back(name, "its presence says that the keys have no bias");
      } else {
        throw InputError("the weights file " + weights_.source + " holds a model that is not supported",
                         "tensor " + tensor->name + " is no part of " + std::string(family_.name), supported_families);
      }
    }
  }

  const WeightBranch& weights_;
  const ViTFamily& family_;
  ViTPlan plan_;
  std::set<std::string> masks_;
};

PositionRule choose_position(const ViTFamily& family, const std::string& option) {
  if (option == "auto") return family.position;
  for (const PositionRule rule : {PositionRule::offset, PositionRule::size, PositionRule::size_antialias}) {
    if (option == to_string(rule)) return rule;
  }
  throw UsageError("model.position is " + option, "no such rule", "Use auto, offset, size or size_antialias.");
}

/// The configuration beside the file, if it is that of this model. Files in the naming of Hugging Face come with
/// theirs, and a foreign one is a mistake; others may lie beside anything.
std::optional<HubConfig> fitting(const std::optional<HubConfig>& hub, const ViTPlan& plan) {
  if (!hub) return std::nullopt;
  const bool fits =
      hub->dim == plan.architecture.dim && hub->depth.value_or(plan.architecture.depth) == plan.architecture.depth;
  if (fits) return hub;
  if (!plan.family->qkv.empty()) return std::nullopt;
  throw InputError(hub->source + " is not the configuration of the weights beside it",
                   "it says " + std::to_string(hub->dim) + " wide and " + std::to_string(hub->depth.value_or(0)) +
                       " blocks, the tensors " + std::to_string(plan.architecture.dim) + " and " +
                       std::to_string(plan.architecture.depth),
                   "Put the right file there, or remove it.");
}

void check_activation(const HubConfig& hub, const ViTPlan& plan) {
  if (!hub.activation) return;
  const bool gated = plan.architecture.activation == Activation::swiglu;
  if (gated && !plan.architecture.is_rotary()) return;  // DINOv2's gate is silu whatever hidden_act says
  const std::string expected = gated ? "silu" : to_string(plan.architecture.activation);
  if (*hub.activation == expected) return;
  throw InputError(hub.source + " asks for the activation " + *hub.activation, expected + " is what is supported here",
                   "Use the published weights of the family.");
}

}  // namespace

const char* to_string(PositionRule rule) noexcept {
  switch (rule) {
    case PositionRule::offset:
      return "offset";
    case PositionRule::size:
      return "size";
    case PositionRule::size_antialias:
      return "size_antialias";
  }
  return "unknown";
}

const char* to_string(Activation activation) noexcept {
  switch (activation) {
    case Activation::gelu:
      return "gelu";
    case Activation::relu6:
      return "relu6";
    case Activation::swiglu:
      return "swiglu";
  }
  return "unknown";
}

Preprocessing published_preprocessing(const ViTPlan& plan) {
  const ViTFamily& family = *plan.family;
  Preprocessing result;
  for (std::size_t c = 0; c < 3; ++c) {
    result.mean[c] = static_cast<float>(family.mean[c]);
    result.standard_deviation[c] = static_cast<float>(family.standard_deviation[c]);
  }
  result.source = family.name;
  // L and 7B exist in two forms whose tensors look alike.
  constexpr int large = 1024;
  constexpr int largest = 4096;
  if (plan.architecture.is_rotary() && (plan.architecture.dim == large || plan.architecture.dim == largest)) {
    result.doubt =
        "DINOv3 weights of this size may be those for satellite images (SAT-493M): then set model.mean: [0.430, 0.411, "
        "0.296] and model.std: [0.213, 0.156, 0.143], or put their preprocessor_config.json beside the weights";
  }
  return result;
}

ViTPlan plan_vit(const WeightBranch& weights, const ViTOptions& options, const std::optional<HubConfig>& hub_beside) {
  const ViTFamily& family = find_family(weights);
  refuse_strangers(weights, family);
  ViTPlan plan = Planner(weights, family).run();
  ViTArchitecture& model = plan.architecture;
  const auto hub = fitting(hub_beside, plan);
  if (hub) check_activation(*hub, plan);
  model.heads = choose_heads(weights, plan, options.heads, hub ? hub->heads : std::nullopt);
  model.layer_norm_eps =
      options.eps.value_or(hub && hub->layer_norm_eps ? *hub->layer_norm_eps : family.layer_norm_eps);
  if (!(model.layer_norm_eps > 0 && model.layer_norm_eps < 1)) {
    throw UsageError("model.eps is " + std::to_string(model.layer_norm_eps), "it must lie between 0 and 1",
                     "Use auto or a value such as 1e-6.");
  }
  model.position = choose_position(family, options.position);
  model.rotary_period = hub && hub->rotary_period ? *hub->rotary_period : family.rotary_period;
  if (model.is_rotary() && !(model.rotary_period > 1 && model.rotary_period < 1e12)) {
    throw InputError(hub->source + " has a rope_theta of " + std::to_string(model.rotary_period),
                     "it must be more than 1", "Put the right file beside the weights.");
  }
  return plan;
}

}  // namespace datus
