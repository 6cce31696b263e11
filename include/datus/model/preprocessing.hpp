// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/model/resize.hpp"

#include <array>
#include <filesystem>
#include <string>

namespace datus {

/// How a model wants its pixels: values in [0, 1] less the mean, divided by the standard deviation, R G B.
struct Preprocessing {
  std::array<float, 3> mean{};
  std::array<float, 3> standard_deviation{};
  Resample resample = Resample::bicubic;
  std::string source;  ///< "DINOv2", or the file that says so
  std::string doubt;   ///< what could make this wrong, or nothing
};

/// What is published with the weights: `own`, that of their family, or what preprocessor_config.json (Hugging Face) or
/// config.json (timm) beside `weights` says instead; STEM.preprocessor_config.json for STEM.safetensors goes first.
/// Throws `InputError` naming the file when it cannot be used, for example for another filter.
[[nodiscard]] Preprocessing find_preprocessing(const std::filesystem::path& weights, Preprocessing own);

}  // namespace datus
