// SPDX-License-Identifier: Apache-2.0
#include "pipeline/inputs/input_preparation.hpp"

#include "datus/core/error.hpp"
#include "datus/core/parallel.hpp"
#include "datus/model/resize.hpp"
#include "pipeline/inputs/options_of_config.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace datus {
namespace {

constexpr int max_patches = 32767;  // segments are stored as 16-bit numbers

}  // namespace

InputPreparation::InputPreparation(const ModelConfig& config, int patch, Resample resample)
    : config_(config), patch_(patch), resample_(resample) {
  const auto [rows, cols] = config.input_size;
  if (rows % patch != 0 || cols % patch != 0) {
    throw UsageError("model.input_size " + std::to_string(rows) + "x" + std::to_string(cols) + " does not fit",
                     "the patches of the model are " + std::to_string(patch) + " pixels wide",
                     "Set model.input_size to a multiple of " + std::to_string(patch) + ".");
  }
  if (grid().patches() > max_patches) {
    throw UsageError("model.input_size gives " + std::to_string(grid().patches()) + " patches",
                     "at most " + std::to_string(max_patches) + " fit the files", "Choose a smaller input size.");
  }
}

GridSize InputPreparation::grid() const {
  return {config_.input_size.rows / patch_, config_.input_size.cols / patch_};
}

InputGeometry InputPreparation::geometry(int height, int width) const {
  return {height, width, config_.input_size.rows, config_.input_size.cols, patch_, resize_mode(config_.resize)};
}

InputImage InputPreparation::prepare(const Image& original) const {
  const InputGeometry geometry_of_image = geometry(original.height, original.width);
  InputImage input{.input = geometry_of_image.apply(original, resample_), .valid = geometry_of_image.valid_patches()};
  if (std::find(input.valid.begin(), input.valid.end(), 0) == input.valid.end()) input.valid.clear();
  return input;
}

}  // namespace datus
