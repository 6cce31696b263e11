#include "model/vit_family.hpp"

#include "datus/core/error.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

namespace datus {
namespace {

constexpr std::array<std::string_view, 8> plain_ignored{"head.",      "mask_token", "masked_embed", "decoder_",
                                                        "predictor.", "projector.", "fc.",          "pre_logits."};

/// The naming of the original ViT, of timm and of DINO.
constexpr ViTFamily plain_vit(std::string_view name, std::string_view sign, PositionRule position) {
  return {.name = name,
          .sign = sign,
          .layer_norm_eps = 1e-6,
          .position = position,
          .cls_token = "cls_token",
          .position_embedding = "pos_embed",
          .patch_embedding = "patch_embed.proj",
          .final_norm = "norm",
          .block = "blocks.",
          .norm1 = "norm1",
          .qkv = "attn.qkv",
          .projection = "attn.proj",
          .norm2 = "norm2",
          .mlp_in = "mlp.fc1",
          .mlp_out = "mlp.fc2",
          .ignored = plain_ignored};
}

constexpr std::array<ViTFamily, 2> families{
    plain_vit("MAE with its decoder", "decoder_pos_embed", PositionRule::size),
    plain_vit("plain ViT (DINO, iBOT, Mugs, MoCo-v3, MAE)", "", PositionRule::offset)};

/// Models that are known and not supported, by a part of a tensor's name that gives them away. The
/// first match counts.
struct Stranger {
  std::string_view part;
  std::string_view family;
};
constexpr std::array<Stranger, 17> strangers{{{"storage_tokens", "DINOv3"},
                                              {"rope_embed.", "DINOv3"},
                                              {"attn.qkv.bias_mask", "DINOv3"},
                                              {"attention.q_proj.", "DINOv3 in Hugging Face naming"},
                                              {"layer_scale1.lambda1", "DINOv2 in Hugging Face naming"},
                                              {"embeddings.patch_embeddings.", "ViT in Hugging Face naming"},
                                              {"register_tokens", "DINOv2 with registers"},
                                              {".ls1.gamma", "DINOv2"},
                                              {".mlp.w12.", "DINOv2 with SwiGLU"},
                                              {"feature.0.weight", "Unicom"},
                                              {"visual.transformer.resblocks.", "CLIP"},
                                              {"dist_token", "distilled DeiT"},
                                              {"relative_position_bias_table", "BEiT or Swin"},
                                              {"attn.q_bias", "BEiT or data2vec"},
                                              {"attn.rel_pos_h", "SAM"},
                                              {"attn.q_norm.", "ViT with query and key norms"},
                                              {"layer1.0.conv1.weight", "ResNet"}}};

/// Published models whose heads are not 64 wide. `prefix` is a wrapper that the checkpoint must
/// have had.
struct HeadWidth {
  int dim;
  int width;
  std::string_view prefix;
};
constexpr std::array<HeadWidth, 4> head_widths{
    {{384, 32, "base_encoder."}, {1280, 80, ""}, {1408, 88, ""}, {1664, 104, ""}}};

constexpr const char* supported = "Use a plain ViT: DINO, iBOT, Mugs, MoCo-v3 or MAE.";

void refuse_strangers(const WeightBranch& weights) {
  for (const Stranger& stranger : strangers) {
    for (const auto& [name, tensor] : weights.tensors) {
      if (name.find(stranger.part) == std::string::npos) continue;
      throw InputError("the weights file " + weights.source +
                           " is of a family that is not supported: " + std::string(stranger.family),
                       "recognised by tensor " + name, supported);
    }
  }
}

const ViTFamily& find_family(const WeightBranch& weights) {
  const auto fits = [&](const ViTFamily& family) {
    return family.sign.empty() || weights.has(std::string(family.sign));
  };
  return *std::ranges::find_if(families, fits);  // the last row fits always
}

/// Collects the tensors of a model, each one checked against the shape that the others demand.
class Planner {
 public:
  Planner(const WeightBranch& weights, const ViTFamily& family) : weights_(weights), family_(family) {
    plan_.family = &family;
    plan_.architecture.family = family.name;
  }

  ViTPlan run() {
    ViTArchitecture& model = plan_.architecture;
    const auto& patches = find(std::string(family_.patch_embedding) + ".weight", 4);
    model.dim = dimension(patches, 0);
    model.patch = dimension(patches, 2);
    model.native_grid = native_grid();
    model.depth = depth();
    model.hidden = dimension(find(family_.block_layer(0, family_.mlp_in) + ".weight", 2), 0);
    take_all();
    refuse_leftovers();
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

  [[nodiscard]] int native_grid() const {
    const WeightTensor& tensor = find(std::string(family_.position_embedding), 3);
    const int positions = dimension(tensor, 1) - 1;
    const int side = static_cast<int>(std::lround(std::sqrt(positions)));
    if (side < 1 || side * side != positions) fail_shape(tensor, "1 + a square number of positions");
    return side;
  }

  [[nodiscard]] int depth() const {
    int count = 1;  // a model without blocks lacks the tensors of the first one
    while (weights_.has(family_.block_layer(count, family_.norm1) + ".weight")) ++count;
    return count;
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

  void take_all() {
    const ViTArchitecture& model = plan_.architecture;
    const std::int64_t dim = model.dim;
    const std::int64_t positions = std::int64_t{model.native_grid} * model.native_grid;
    take(std::string(family_.cls_token), {1, 1, dim});
    take(std::string(family_.position_embedding), {1, 1 + positions, dim});
    take_layer(std::string(family_.patch_embedding), {dim, 3, model.patch, model.patch});
    take_layer(std::string(family_.final_norm), {dim});
    for (int b = 0; b < model.depth; ++b) {
      take_layer(family_.block_layer(b, family_.norm1), {dim});
      take_layer(family_.block_layer(b, family_.qkv), {3 * dim, dim});
      take_layer(family_.block_layer(b, family_.projection), {dim, dim});
      take_layer(family_.block_layer(b, family_.norm2), {dim});
      take_layer(family_.block_layer(b, family_.mlp_in), {model.hidden, dim});
      take_layer(family_.block_layer(b, family_.mlp_out), {dim, model.hidden});
    }
  }

  void refuse_leftovers() const {
    for (const auto& [name, tensor] : weights_.tensors) {
      const auto begins = [&](std::string_view prefix) { return name.starts_with(prefix); };
      if (plan_.tensors.contains(name) || std::ranges::any_of(family_.ignored, begins)) continue;
      throw InputError("the weights file " + weights_.source + " holds a model that is not supported",
                       "tensor " + tensor->name + " is no part of " + std::string(family_.name), supported);
    }
  }

  const WeightBranch& weights_;
  const ViTFamily& family_;
  ViTPlan plan_;
};

int choose_heads(const WeightBranch& weights, int dim, std::optional<int> option) {
  if (option) {
    if (*option >= 1 && dim % *option == 0) return *option;
    throw UsageError("model.heads is " + std::to_string(*option),
                     "the width of the model, " + std::to_string(dim) + ", is no multiple of it",
                     "Give the model's number of attention heads.");
  }
  for (const HeadWidth& known : head_widths) {
    if (dim == known.dim && weights.prefix.ends_with(known.prefix)) return dim / known.width;
  }
  constexpr int usual_width = 64;
  if (dim % usual_width == 0) return dim / usual_width;
  throw InputError("cannot tell the number of attention heads of " + weights.source,
                   "its width, " + std::to_string(dim) + ", is no multiple of 64", "Set model.heads.");
}

PositionRule choose_position(const ViTFamily& family, const std::string& option) {
  if (option == "auto") return family.position;
  for (const PositionRule rule : {PositionRule::offset, PositionRule::size, PositionRule::size_antialias}) {
    if (option == to_string(rule)) return rule;
  }
  throw UsageError("model.position is " + option, "no such rule", "Use auto, offset, size or size_antialias.");
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

std::string ViTFamily::block_layer(int number, std::string_view layer) const {
  return std::string(block) + std::to_string(number) + "." + std::string(layer);
}

ViTPlan plan_vit(const WeightBranch& weights, const ViTOptions& options) {
  refuse_strangers(weights);
  const ViTFamily& family = find_family(weights);
  ViTPlan plan = Planner(weights, family).run();
  ViTArchitecture& model = plan.architecture;
  model.heads = choose_heads(weights, model.dim, options.heads);
  model.layer_norm_eps = options.eps.value_or(family.layer_norm_eps);
  if (!(model.layer_norm_eps > 0 && model.layer_norm_eps < 1)) {
    throw UsageError("model.eps is " + std::to_string(model.layer_norm_eps), "it must lie between 0 and 1",
                     "Use auto or a value such as 1e-6.");
  }
  model.position = choose_position(family, options.position);
  return plan;
}

}  // namespace datus
