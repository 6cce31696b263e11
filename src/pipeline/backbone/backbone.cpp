// SPDX-License-Identifier: Apache-2.0
#include "pipeline/backbone/backbone.hpp"

#include "datus/core/error.hpp"
#include "datus/core/half.hpp"
#include "pipeline/inputs/options_of_config.hpp"

#include <algorithm>
#include <sstream>
#include <utility>

namespace datus {
namespace {

std::array<float, 3> as_floats(const std::optional<std::array<double, 3>>& values,
                               const std::array<float, 3>& otherwise) {
  if (!values) return otherwise;
  return {static_cast<float>((*values)[0]), static_cast<float>((*values)[1]), static_cast<float>((*values)[2])};
}

Image mirror_image(const Image& image) {
  Image mirrored(image.height, image.width);
  for (int y = 0; y < image.height; ++y) {
    const auto from = image.row(y);
    const auto to = mirrored.row(y);
    for (std::size_t x = 0; x < from.size(); x += 3)
      std::ranges::copy(from.subspan(x, 3), to.end() - 3 - static_cast<std::ptrdiff_t>(x));
  }
  return mirrored;
}

/// Makes embeddings [images, patches, dim] means with those of the mirror images.
void average_with_mirrored(std::vector<float>& embeddings, const std::vector<float>& mirrored, GridSize grid, int dim) {
  const auto cols = static_cast<std::size_t>(grid.cols);
  const auto width = static_cast<std::size_t>(dim);
  for (std::size_t i = 0; i < embeddings.size(); ++i) {
    const std::size_t patch = i / width;
    const std::size_t col = patch % cols;
    const float other = mirrored[(patch - col + (cols - 1 - col)) * width + i % width];
    embeddings[i] = 0.5F * (embeddings[i] + other);
  }
}

}  // namespace

ViTOptions vit_options(const ModelConfig& config, const ModelPlacement& placement, int threads) {
  ViTOptions options;
  options.heads = config.heads;
  options.eps = config.eps;
  if (config.branch) options.branch = *config.branch;
  if (config.position) options.position = position_name(*config.position);
  options.threads = threads;
  options.gpu = placement.gpu;
  options.precision = placement.precision;
  options.cuda_graphs = config.cuda_graphs;
  return options;
}

Backbone::Backbone(const ModelConfig& config, const std::filesystem::path& weights, const ModelPlacement& placement,
                   int threads)
    : config_(config),
      model_(VisionTransformer::load(weights, vit_options(config, placement, threads))),
      scaling_{as_floats(config.mean, model_.preprocessing().mean),
               as_floats(config.standard_deviation, model_.preprocessing().standard_deviation),
               swaps_channels(config.channel_order)},
      batching_{placement.batch_size, {}} {}

std::string Backbone::preprocessing_text() const {
  std::ostringstream text;
  const auto add = [&](const char* what, const std::array<float, 3>& values) {
    text << what << " " << values[0] << " " << values[1] << " " << values[2] << ", ";
  };
  add("mean", scaling_.mean);
  add("std", scaling_.standard_deviation);
  text << (resample() == Resample::bicubic ? "bicubic" : "bilinear");
  text << ", epsilon " << architecture().layer_norm_eps << ", " << architecture().heads << " heads, ";
  if (architecture().is_rotary()) {
    text << "rotary positions";
  } else {
    text << "positions by " << to_string(architecture().position);
  }
  return text.str();
}

Resample Backbone::resample() const {
  return config_.resample ? resample_of(*config_.resample) : model_.preprocessing().resample;
}

std::string Backbone::doubt() const {
  return config_.mean && config_.standard_deviation ? std::string() : model_.preprocessing().doubt;
}

int Backbone::descriptor_dim(DescriptorConfig::Kind kind) const {
  switch (traits_of(kind).width) {
    case DescriptorTraits::Width::image_vector:
      return architecture().image_vector_dim;
    case DescriptorTraits::Width::embedding:
      return architecture().dim;
  }
  return 0;
}

void Backbone::require_descriptor(const DescriptorConfig& config) const {
  const DescriptorTraits& traits = traits_of(config.kind);
  const bool has_vector = !traits.has_crops || model_.image_vector_dim(config.crop_size, config.crop_size) > 0;
  if (has_vector && (!traits.needs_cls || architecture().has_cls)) return;
  if (architecture().image_vector_dim == 0) {
    throw UsageError("the descriptors asked for cannot be made by a model of the family " + architecture().family,
                     "it has no CLS token and no head that makes a vector of an image",
                     "Set descriptor.kind: mean_key, or descriptor.weights to another model.");
  }
  const int native = architecture().native_grid * architecture().patch;
  throw UsageError("the descriptors asked for cannot be made by a model of the family " + architecture().family,
                   "it has no CLS token, and its head takes images of its native size only",
                   "Set descriptor.kind: masked_crop with descriptor.crop_size: " + std::to_string(native) +
                       ", or descriptor.kind: mean_key.");
}

std::future<VisionTransformer::Features> Backbone::begin_embed(std::span<const Image* const> inputs, bool cls,
                                                               bool halves, std::byte* kept_on_gpu) const {
  VisionTransformer::Request request = embedding_request(cls);
  request.kept_on_gpu = config_.flip ? nullptr : kept_on_gpu;
  request.halves = halves && !config_.flip;
  if (!config_.flip) return begin_forward(inputs, request);
  // Of two passes, each of which is half of the work.
  const auto batching_after = [&](std::size_t before) {
    VisionTransformer::Batching batching = batching_;
    if (!batching_.before_each_batch) return batching;
    batching.before_each_batch = [&, before](std::size_t done) { batching_.before_each_batch((before + done) / 2); };
    return batching;
  };
  auto straight = model_.begin_forward(inputs, scaling_, request, batching_after(0));
  std::vector<Image> images;
  for (const Image* input : inputs) images.push_back(mirror_image(*input));
  std::vector<const Image*> pointers;
  for (const Image& image : images) pointers.push_back(&image);
  auto mirrored = model_.begin_forward(pointers, scaling_, embedding_request(false), batching_after(inputs.size()));
  const auto average = [halves, dim = architecture().dim](auto first, auto second) {
    VisionTransformer::Features features = first.get();
    average_with_mirrored(features.embeddings, second.get().embeddings, features.grid, dim);
    if (!halves) return features;
    features.halves.resize(features.embeddings.size());
    to_half(features.embeddings, features.halves);
    features.embeddings = {};
    return features;
  };
  return std::async(std::launch::deferred, average, std::move(straight), std::move(mirrored));
}

VisionTransformer::Request Backbone::embedding_request(bool cls) const {
  return {.feature = patch_feature(config_.feature), .layer = config_.layer, .cls = cls};
}

}  // namespace datus
