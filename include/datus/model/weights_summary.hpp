// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/hash.hpp"
#include "datus/model/preprocessing.hpp"
#include "datus/model/vision_transformer.hpp"
#include "datus/model/vit_architecture.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace datus {

/// What a weights file holds, for people.
struct WeightsSummary {
  /// Tensors that are not used, those of one reason together.
  struct Unused {
    std::string names;  ///< the first, and how many more
    std::string why;
  };

  ViTArchitecture architecture;
  Preprocessing preprocessing;
  std::string branch;                         ///< what was taken off the names, or nothing
  std::map<std::string, std::int64_t> types;  ///< stored type, and how many of the tensors in use have it
  std::vector<std::filesystem::path> files;   ///< the file, and those beside it that count
  std::vector<Unused> unused;
  Hash hash;  ///< `hash_model`, by which runs know their weights
};

/// Reads the whole file, one tensor after the other. Throws as `VisionTransformer::load` does.
[[nodiscard]] WeightsSummary summarise_weights(const std::filesystem::path& path, const ViTOptions& options = {});

}  // namespace datus
