// SPDX-License-Identifier: Apache-2.0
#include "model/vit/head_count.hpp"

#include "datus/core/error.hpp"

#include <string>

namespace datus {
namespace {

/// Heads may not be wider than what they divide, and rotary positions turn pairs along two axes.
bool is_possible(int heads, const ViTArchitecture& model) {
  if (heads < 1 || model.dim % heads != 0) return false;
  return !model.is_rotary() || (model.dim / heads) % 4 == 0;
}

/// One period for every four values of a head.
std::optional<int> heads_by_periods(const WeightBranch& weights, const ViTPlan& plan) {
  const std::string name(plan.family->rotary_periods);
  if (name.empty()) return std::nullopt;
  const auto width = 4 * weights.tensors.at(name)->shape[0];
  const int heads = width > plan.architecture.dim ? 0 : static_cast<int>(plan.architecture.dim / width);
  if (heads * width == plan.architecture.dim) return heads;
  throw InputError(
      "tensor " + weights.tensors.at(name)->name + " of the weights file " + weights.source + " does not fit the model",
      "heads of 4 values for each period, and a width of " + std::to_string(plan.architecture.dim),
      "The file is damaged or holds another kind of model.");
}

}  // namespace

int choose_heads(const WeightBranch& weights, const ViTPlan& plan, std::optional<int> option, std::optional<int> hub) {
  const ViTArchitecture& model = plan.architecture;
  const auto told = heads_by_periods(weights, plan);
  if (option) {
    if (told && *told != *option) {
      throw UsageError("model.heads is " + std::to_string(*option),
                       "the rotary periods in the file are those of " + std::to_string(*told) + " heads",
                       "Leave it out.");
    }
    if (is_possible(*option, model)) return *option;
    throw UsageError("model.heads is " + std::to_string(*option),
                     "the width of the model, " + std::to_string(model.dim) + ", is no multiple of it" +
                         (model.is_rotary() ? ", or heads are no multiple of 4 wide" : ""),
                     "Give the model's number of attention heads.");
  }
  if (told) return *told;
  if (hub) {
    if (is_possible(*hub, model)) return *hub;
    throw InputError("the configuration beside " + weights.source + " has " + std::to_string(*hub) + " attention heads",
                     "they do not fit a width of " + std::to_string(model.dim),
                     "Put the right file there, or remove it.");
  }
  for (const HeadWidth& known : plan.family->head_widths) {
    if (model.dim == known.dim && weights.prefix.ends_with(known.prefix)) return model.dim / known.width;
  }
  constexpr int usual_width = 64;
  if (model.dim % usual_width == 0) return model.dim / usual_width;
  throw InputError("cannot tell the number of attention heads of " + weights.source,
                   "its width, " + std::to_string(model.dim) + ", is no multiple of 64", "Set model.heads.");
}

}  // namespace datus
