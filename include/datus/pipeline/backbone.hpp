#pragma once

#include "datus/config/config.hpp"
#include "datus/core/image.hpp"
#include "datus/model/vision_transformer.hpp"

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace datus {

/// A frozen backbone, fed with prepared images.
class Backbone {
 public:
  /// Loads `weights` with the settings of the model section. Throws `InputError` for weights that cannot be used.
  Backbone(const ModelConfig& config, const std::filesystem::path& weights, int threads);

  /// Called before each batch of `forward` and each input of `segment_cls`, on their thread: a place to give up, by
  /// throwing.
  void before_each_batch(std::function<void()> call) { before_each_batch_ = std::move(call); }

  [[nodiscard]] const ViTArchitecture& architecture() const { return model_.architecture(); }

  /// Runs the model on equally large inputs, `batch_size` at a time.
  [[nodiscard]] VisionTransformer::Features forward(std::span<const Image> inputs,
                                                    const VisionTransformer::Request& request) const;
  /// The masked_cls descriptors of one input: [segments, D], not normalised to unit length.
  [[nodiscard]] std::vector<float> segment_cls(const Image& input, std::span<const std::int16_t> segment_map,
                                               int segments) const;
  /// What the configuration asks for as embedding.
  [[nodiscard]] VisionTransformer::Request embedding_request(bool cls) const;

 private:
  [[nodiscard]] std::vector<float> normalised(std::span<const Image> inputs) const;

  ModelConfig config_;
  VisionTransformer model_;
  std::array<float, 3> mean_;
  std::array<float, 3> standard_deviation_;
  std::function<void()> before_each_batch_;
};

}  // namespace datus
