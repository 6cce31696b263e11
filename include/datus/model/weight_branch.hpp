// SPDX-License-Identifier: Apache-2.0
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
  std::string prefix;  ///< what was taken off the names' beginnings, for example "teacher.backbone."
  std::map<std::string, const WeightTensor*> tensors;
  bool is_one_of_several = false;  ///< the file holds other models too

  [[nodiscard]] bool has(const std::string& name) const { return tensors.contains(name); }
};

/// Finds the model in a file that may hold several: a model is what lies beside a patch embedding of a known family,
/// under whatever prefix (teacher, state_dict.module, …); what torch.compile, FSDP and checkpoints of activations put
/// into names is taken off, and chunks of blocks are numbered through. With `branch` "auto" the model that the trainer
/// evaluates is taken: an average of the weights (model_ema, state_dict_ema, …) or a teacher before the student,
/// I-JEPA's target encoder, MoCo's base encoder; what lies beside it (student, head, optimizer) is left out. Otherwise
/// `branch` names a dictionary or prefix that the model lies under, for example "student" or "module.base_encoder". The
/// result refers to `tensors`; without a patch embedding it has them all, for `plan_vit` to say what is missing. Throws
/// `InputError` naming `source` when names do not tell which of several models is evaluated, or when `branch` has none.
[[nodiscard]] WeightBranch choose_branch(std::span<const WeightTensor> tensors, std::string_view branch,
                                         const std::string& source);

}  // namespace datus
