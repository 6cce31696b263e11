// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/config/config.hpp"
#include "datus/core/image.hpp"
#include "datus/model/normalise.hpp"
#include "datus/model/vision_transformer.hpp"
#include "pipeline/backbone/model_placement.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <future>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace datus {

/// The settings of the model section that say how weights are read.
[[nodiscard]] ViTOptions vit_options(const ModelConfig& config, const ModelPlacement& placement, int threads);

/// A frozen backbone, fed with prepared images.
class Backbone {
 public:
  /// Loads `weights` with the settings of the model section. Throws `InputError` for weights that cannot be used.
  Backbone(const ModelConfig& config, const std::filesystem::path& weights, const ModelPlacement& placement,
           int threads);

  /// Called before each batch, on the calling thread, with how many images or crops are done; may give up, by throwing.
  void before_each_batch(std::function<void(std::size_t done)> call) { batching_.before_each_batch = std::move(call); }
  /// Called as a GPU was given a batch of crops, with how many it has.
  void at_crops(std::function<void(std::size_t crops)> call) { batching_.at_crops = std::move(call); }
  void use_batches_of(int size) { batching_.batch_size = size; }
  [[nodiscard]] int batch_size() const { return batching_.batch_size; }

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

  /// Runs the model on equally large inputs, `batch_size` at a time. This and the next ones begin as
  /// `VisionTransformer::begin_forward` does.
  [[nodiscard]] std::future<VisionTransformer::Features> begin_forward(
      std::span<const Image* const> inputs, const VisionTransformer::Request& request) const {
    return model_.begin_forward(inputs, scaling_, request, batching_);
  }
  /// The same in RGB, whatever model.channel_order says: that is for embeddings alone, as are the next ones.
  [[nodiscard]] std::future<VisionTransformer::Features> begin_describing_forward(
      std::span<const Image* const> inputs, const VisionTransformer::Request& request) const {
    return model_.begin_forward(inputs, describing_scaling(), request, batching_);
  }
  /// The masked_crop descriptors: [places, D], not normalised to unit length.
  [[nodiscard]] std::future<std::vector<float>> begin_crop_vectors(const SegmentCrops& crops) const {
    return model_.begin_crop_vectors(crops, describing_scaling(), batching_);
  }
  /// The masked_cls descriptors of some inputs, `segments` of each: [all segments, D], not normalised to unit length.
  [[nodiscard]] std::future<std::vector<float>> begin_segment_cls(std::span<const Image* const> inputs,
                                                                  std::span<const std::int16_t> segment_maps,
                                                                  std::span<const int> segments) const {
    return model_.begin_segment_cls(inputs, describing_scaling(), segment_maps, segments, batching_);
  }
  /// The embeddings that the configuration asks for, as `halves` where these are wanted, and the images' vectors with
  /// `cls`; with `kept_on_gpu` as `VisionTransformer::Request`, which needs those of one pass (no model.flip).
  [[nodiscard]] std::future<VisionTransformer::Features> begin_embed(std::span<const Image* const> inputs, bool cls,
                                                                     bool halves,
                                                                     std::byte* kept_on_gpu = nullptr) const;
  /// How one pass of the model makes them.
  [[nodiscard]] VisionTransformer::Request embedding_request(bool cls) const;

 private:
  [[nodiscard]] PixelScaling describing_scaling() const { return {scaling_.mean, scaling_.standard_deviation, false}; }

  ModelConfig config_;
  VisionTransformer model_;
  PixelScaling scaling_;
  VisionTransformer::Batching batching_;
};

}  // namespace datus
