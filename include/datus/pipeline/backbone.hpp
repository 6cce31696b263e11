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

/// The settings of the model section that say how weights are read.
[[nodiscard]] ViTOptions vit_options(const ModelConfig& config, int threads);

/// A frozen backbone, fed with prepared images.
class Backbone {
 public:
  /// Loads `weights` with the settings of the model section. Throws `InputError` for weights that cannot be used.
  Backbone(const ModelConfig& config, const std::filesystem::path& weights, int threads);

  /// Called before each batch of `forward` and each input of `segment_cls`, on their thread: a place to give up, by
  /// throwing.
  void before_each_batch(std::function<void()> call) { before_each_batch_ = std::move(call); }

  [[nodiscard]] const ViTArchitecture& architecture() const { return model_.architecture(); }

  /// What was left to the weights and their family, as it was found: for the record of what was made with it.
  [[nodiscard]] std::string preprocessing_text() const;
  /// Filter for the resize: that of the configuration, or what is published with the weights.
  [[nodiscard]] Resample resample() const;
  /// What could make the preprocessing wrong, or nothing.
  [[nodiscard]] std::string doubt() const;
  /// Width of the vector that images of `input` have; 0 where the model cannot make one.
  [[nodiscard]] int image_vector_dim(PixelSize input) const { return model_.image_vector_dim(input.rows, input.cols); }
  /// Width of descriptors of that kind.
  [[nodiscard]] int descriptor_dim(DescriptorConfig::Kind kind) const;
  /// Throws `UsageError` when the model cannot make them.
  void require_descriptor(const DescriptorConfig& config) const;

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
