#pragma once

#include "datus/model/weights.hpp"

#include <map>
#include <span>
#include <string>
#include <string_view>

namespace datus {

/// The tensors of one model inside a weights file, by the names that the model's own code gives
/// them.
struct WeightBranch {
  std::string source;  ///< the file, for messages
  std::string prefix;  ///< what was taken off the names, for example "teacher.backbone."
  std::map<std::string, const WeightTensor*> tensors;

  [[nodiscard]] bool has(const std::string& name) const { return tensors.contains(name); }
};

/// Finds the model in a file that may hold several. With `branch` "auto" the known wrappers are
/// taken off while any name starts with one: `teacher` (DINO, iBOT, Mugs), `model` (MAE),
/// `state_dict`, `module` (data parallel training), `base_encoder` (MoCo-v3), `backbone`, and those of Hugging Face's
/// larger models (`vit`, `dinov2`, …); chunks of blocks are numbered through; what lies beside the wrapper (student,
/// head, optimizer) is left out. Otherwise `branch` names the dictionary or prefix to start from, for example "student"
/// or "module.base_encoder". The result refers to `tensors`. Throws `InputError` naming `source` when the file has no
/// tensor there.
[[nodiscard]] WeightBranch choose_branch(std::span<const WeightTensor> tensors, std::string_view branch,
                                         const std::string& source);

}  // namespace datus
