// SPDX-License-Identifier: Apache-2.0
#include "model/vit/strangers.hpp"

#include "datus/core/error.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

namespace datus {
namespace {

/// Models that are known and not supported, by a part of a tensor's name that gives them away. The
/// first match counts.
struct Stranger {
  std::string_view part;
  std::string_view family;
};
constexpr std::array<Stranger, 9> strangers{{{"visual.transformer.resblocks.", "CLIP"},
                                             {"vision_model.encoder.layers.", "CLIP or SigLIP"},
                                             {"dist_token", "distilled DeiT"},
                                             {"relative_position_bias_table", "BEiT or Swin"},
                                             {"attn.q_bias", "BEiT, EVA or data2vec"},
                                             {"gamma_1", "EVA"},
                                             {"attn.rel_pos_h", "SAM"},
                                             {"attn.q_norm.", "ViT with query and key norms"},
                                             {"layer1.0.conv1.weight", "ResNet"}}};

/// States that are saved in the place of weights, by the same.
struct OtherState {
  std::string_view part;
  std::string_view what;
  const char* remedy;
};
constexpr const char* before_quantising =
    "Use the weights from before they were quantised, float32, float16 or bfloat16.";
constexpr std::array<OtherState, 9> other_states{
    {{"flat_param", "one rank's shard of FSDP, its parameters flat, one behind the other",
      "Save the whole state dict on all ranks: FSDP.state_dict_type(model, StateDictType.FULL_STATE_DICT)."},
     {"_packed_params", "a quantised model", before_quantising},
     {".zero_point", "a quantised model", before_quantising},
     {".weight_scale", "a quantised model", before_quantising},
     {".qweight", "a quantised model (GPTQ)", before_quantising},
     {".quant_map", "a quantised model (bitsandbytes)", before_quantising},
     {".absmax", "a quantised model (bitsandbytes)", before_quantising},
     {"lora_A", "adapters (LoRA) that are not part of the weights yet", "Save model.merge_and_unload().state_dict()."},
     {".SCB", "a quantised model (bitsandbytes)", before_quantising}}};

/// The first tensor whose name has this part, or nothing.
const WeightTensor* tensor_with(const WeightBranch& weights, std::string_view part) {
  const auto found = std::ranges::find_if(
      weights.tensors, [&](const auto& named) { return named.first.find(part) != std::string::npos; });
  return found == weights.tensors.end() ? nullptr : found->second;
}

/// Of the file's own names, whatever dictionary the optimizer's state lies in.
bool is_of_optimizer(const std::string& name) {
  constexpr std::array<std::string_view, 5> parts{"optimizer", "optim.", "exp_avg", "momentum_buffer", "state."};
  return std::ranges::any_of(parts, [&](std::string_view part) { return name.find(part) != std::string::npos; });
}

}  // namespace

void refuse_strangers(const WeightBranch& weights, const ViTFamily& family) {
  for (const OtherState& state : other_states) {
    const WeightTensor* tensor = tensor_with(weights, state.part);
    if (tensor == nullptr) continue;
    throw InputError("the weights file " + weights.source + " holds " + std::string(state.what),
                     "recognised by tensor " + tensor->name, state.remedy);
  }
  // Beside it there may be the state of random numbers or of a schedule, but no matrix.
  const auto of_optimizer = [](const auto& named) { return is_of_optimizer(named.first); };
  const auto may_be = [&](const auto& named) { return of_optimizer(named) || named.second->shape.size() < 2; };
  if (std::ranges::any_of(weights.tensors, of_optimizer) && std::ranges::all_of(weights.tensors, may_be)) {
    throw InputError("the weights file " + weights.source + " holds the state of an optimizer, and no weights",
                     "its first tensor is " + weights.tensors.begin()->second->name,
                     "Give the file of the model that was saved beside it.");
  }
  for (const Stranger& stranger : strangers) {
    const WeightTensor* tensor = tensor_with(weights, stranger.part);
    if (tensor == nullptr || stranger.part == family.scale1 || stranger.part == family.query_bias) continue;
    throw InputError(
        "the weights file " + weights.source + " is of a family that is not supported: " + std::string(stranger.family),
        "recognised by tensor " + tensor->name, supported_families);
  }
}

}  // namespace datus
