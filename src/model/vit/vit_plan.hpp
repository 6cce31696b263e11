// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/model/vision_transformer.hpp"
#include "datus/model/vit_architecture.hpp"
#include "datus/model/weight_branch.hpp"
#include "model/vit/vit_family.hpp"
#include "model/weights/hub_config.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace datus {

/// A model that is ready to be loaded.
struct ViTPlan {
  const ViTFamily* family = nullptr;
  const MlpNames* mlp = nullptr;
  ViTArchitecture architecture;
  bool masked_key_bias = false;  ///< the stored bias of the keys does not count
  /// Every tensor in use, by name, with the shape that it was found to have.
  std::map<std::string, std::vector<std::int64_t>> tensors;
  /// Tensors of the branch without a part in the features, in the order of their names, and why.
  std::vector<std::pair<std::string, std::string>> ignored;

  [[nodiscard]] bool uses(const std::string& name) const { return tensors.contains(name); }
};

/// What the family's own code does, for weights without a description beside them.
[[nodiscard]] Preprocessing published_preprocessing(const ViTPlan& plan);

/// Finds the family and the sizes from the tensors, and from `hub`, the configuration beside the file, what they do not
/// tell. Checks that every tensor is there in the right shape and that none is left over (a tensor of unknown meaning
/// is a model that this code would compute wrongly). Throws `InputError` naming the file and the tensor; `UsageError`
/// for options that do not fit the model.
[[nodiscard]] ViTPlan plan_vit(const WeightBranch& weights, const ViTOptions& options,
                               const std::optional<HubConfig>& hub);

}  // namespace datus
