// SPDX-License-Identifier: Apache-2.0
#include "datus/model/weight_branch.hpp"

#include "datus/core/error.hpp"
#include "model/vit/dotless_names.hpp"
#include "model/vit/vit_family.hpp"
#include "model/weights/damaged_file.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <vector>

namespace datus {
namespace {

/// What training puts around a model or parts of it: torch.compile, FSDP, checkpoints of activations. They stand
/// anywhere in a name.
constexpr std::array<std::string_view, 5> inner_wrappers{
    "_orig_mod.", "_fsdp_wrapped_module.", "_checkpoint_wrapped_module.", "_fpw_module.", "_forward_module."};

/// What parts of a model's prefix say about it: of several models, the one of highest sum is what its trainer
/// evaluates. Averages of the weights go before all. A target of BYOL is not evaluated, that of I-JEPA is; copies that
/// MoCo and BYOL call momentum are not.
struct Role {
  std::string_view words;
  int rank;
};
constexpr std::array<Role, 16> roles{{{".ema.", 64},
                                      {".averaged.", 64},
                                      {".average.", 64},
                                      {".avg.", 64},
                                      {".swa.", 64},
                                      {".teacher.", 16},
                                      {".online.", 3},
                                      {".target.encoder.", 2},
                                      {".student.", -8},
                                      {".momentum.", -8},
                                      {".encoder.k.", -8},
                                      {".current.model.", -8},  // Lightning's, beside the average
                                      {".gram.teacher.", -64},  // DINOv3's, an old teacher
                                      {".optimizer.", -1000},
                                      {".optim.", -1000},
                                      {".exp.avg.", -1000}}};

/// A Vision Transformer in the file, found by the weight of its patch embedding.
struct Model {
  std::string prefix;  ///< of its tensors' names, with a dot at its end, or nothing
  const WeightTensor* patches;
  int rank;
};

std::string without_wrappers(std::string name) {
  for (const std::string_view wrapper : inner_wrappers) {
    for (std::size_t at = name.find(wrapper); at != std::string::npos; at = name.find(wrapper, at)) {
      name.erase(at, wrapper.size());
    }
  }
  return name;
}

/// Training code of DINOv2 cuts its blocks into chunks, "blocks.2.17.norm1.weight": the second number counts all
/// blocks.
std::string without_chunk(const std::string& name) {
  constexpr std::string_view blocks = "blocks.";
  if (!name.starts_with(blocks)) return name;
  const auto number_end = [&](std::size_t begin) {
    const std::size_t end = std::min(name.find_first_not_of("0123456789", begin), name.size());
    return end > begin && end < name.size() && name[end] == '.' ? end + 1 : std::string::npos;
  };
  const std::size_t chunk_end = number_end(blocks.size());
  if (chunk_end == std::string::npos || number_end(chunk_end) == std::string::npos) return name;
  return std::string(blocks) + name.substr(chunk_end);
}

int rank_of(const std::string& prefix, std::span<const NamedTensor> tensors) {
  if (prefix.empty()) return 1;  // what stands in the open goes before what is put away
  std::string words = "." + prefix;
  std::ranges::replace(words, '_', '.');
  int rank = 0;
  for (const Role& role : roles) {
    if (words.find(role.words) != std::string::npos) rank += role.rank;
  }
  // mmengine swaps the two when it saves, and counts steps in the one that it calls the average.
  constexpr std::string_view swapped = "ema_state_dict.";
  const auto is_counter = [&](const NamedTensor& entry) { return entry.name == std::string(swapped) + "steps"; };
  if (prefix.starts_with(swapped) && std::ranges::any_of(tensors, is_counter)) rank = -64;
  return rank;
}

/// All models whose prefix has `part`, a name of dictionaries; all, for an empty one.
std::vector<Model> find_models(std::span<const NamedTensor> tensors, const std::string& part) {
  std::vector<Model> models;
  for (const auto& [name, tensor] : tensors) {
    for (const ViTFamily& family : vit_families()) {
      const std::string sign = std::string(family.patch_embedding) + ".weight";
      if (!("." + name).ends_with("." + sign)) continue;
      const std::string prefix = name.substr(0, name.size() - sign.size());
      if (("." + prefix).find("." + part) == std::string::npos) break;
      const int rank = rank_of(prefix, tensors);
      if (rank > -500) models.push_back({prefix, tensor, rank});
      break;
    }
  }
  return models;
}

std::string list_of(std::span<const Model> models) {
  constexpr std::size_t most = 8;
  std::string text;
  for (std::size_t i = 0; i < std::min(most, models.size()); ++i) {
    const std::string& prefix = models[i].prefix;
    text += (i > 0 ? ", " : "") + (prefix.empty() ? "one without a name" : prefix.substr(0, prefix.size() - 1));
  }
  return models.size() > most ? text + ", …" : text;
}

/// The model that is evaluated. Copies of one model have the same shapes; a teacher of another shape was distilled
/// from, and the trainer may want either.
std::string choose_model(const std::vector<Model>& models, const std::string& source) {
  const auto best = std::ranges::max_element(models, {}, &Model::rank);
  for (const Model& other : models) {
    const bool is_clear = other.rank < best->rank && other.patches->shape == best->patches->shape;
    if (other.prefix == best->prefix || is_clear) continue;
    throw InputError("the weights file " + source + " holds several models: " + list_of(models),
                     "their names and shapes do not tell which one is evaluated", "Set model.branch to one of them.");
  }
  return best->prefix;
}

[[noreturn]] void refuse_branch(std::string_view branch, std::span<const NamedTensor> tensors,
                                const std::string& source) {
  const auto models = find_models(tensors, "");
  throw InputError("the weights file " + source + " has no branch " + std::string(branch),
                   models.empty() ? "it has no Vision Transformer, its first tensor is " + tensors.front().name
                                  : "no Vision Transformer is under that name; it has: " + list_of(models),
                   "Set model.branch to a dictionary of the file, or to auto.");
}

}  // namespace

WeightBranch choose_branch(std::span<const WeightTensor> tensors, std::string_view branch, const std::string& source) {
  if (tensors.empty()) throw_damaged(source, "it holds no tensors");
  std::vector<NamedTensor> named;
  named.reserve(tensors.size());
  for (const WeightTensor& tensor : tensors) named.push_back({without_wrappers(tensor.name), &tensor});
  restore_dots(named);

  WeightBranch result;
  result.source = source;
  const auto models = find_models(named, branch == "auto" ? "" : without_wrappers(std::string(branch) + "."));
  if (models.empty() && branch != "auto") refuse_branch(branch, named, source);
  if (!models.empty()) result.prefix = choose_model(models, source);
  result.is_one_of_several = find_models(named, "").size() > 1;
  const auto is_of_another = [&](const std::string& name) {
    return std::ranges::any_of(models, [&](const Model& model) {
      return model.prefix.size() > result.prefix.size() && name.starts_with(model.prefix);
    });
  };
  for (const NamedTensor& entry : named) {
    if (!entry.name.starts_with(result.prefix) || is_of_another(entry.name)) continue;
    const std::string name = without_chunk(entry.name.substr(result.prefix.size()));
    if (!result.tensors.emplace(name, entry.tensor).second) throw_damaged(source, "two tensors are named " + name);
  }
  return result;
}

}  // namespace datus
