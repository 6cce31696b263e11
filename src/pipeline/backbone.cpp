#include "datus/pipeline/backbone.hpp"

#include "datus/core/error.hpp"
#include "datus/model/normalise.hpp"

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

PatchFeature patch_feature(ModelConfig::Feature feature) {
  switch (feature) {
    case ModelConfig::Feature::key:
      return PatchFeature::key;
    case ModelConfig::Feature::query:
      return PatchFeature::query;
    case ModelConfig::Feature::value:
      return PatchFeature::value;
    case ModelConfig::Feature::token:
      return PatchFeature::token;
  }
  return PatchFeature::key;
}

}  // namespace

ViTOptions vit_options(const ModelConfig& config, int threads) {
  ViTOptions options;
  options.heads = config.heads;
  options.eps = config.eps;
  if (config.branch) options.branch = *config.branch;
  if (config.position) {
    switch (*config.position) {
      case ModelConfig::Position::offset:
        options.position = "offset";
        break;
      case ModelConfig::Position::size:
        options.position = "size";
        break;
      case ModelConfig::Position::size_antialias:
        options.position = "size_antialias";
        break;
    }
  }
  options.threads = threads;
  return options;
}

Backbone::Backbone(const ModelConfig& config, const std::filesystem::path& weights, int threads)
    : config_(config),
      model_(VisionTransformer::load(weights, vit_options(config, threads))),
      mean_(as_floats(config.mean, model_.preprocessing().mean)),
      standard_deviation_(as_floats(config.standard_deviation, model_.preprocessing().standard_deviation)) {}

std::string Backbone::preprocessing_text() const {
  std::ostringstream text;
  const auto add = [&](const char* what, const std::array<float, 3>& values) {
    text << what << " " << values[0] << " " << values[1] << " " << values[2] << ", ";
  };
  add("mean", mean_);
  add("std", standard_deviation_);
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
  if (!config_.resample) return model_.preprocessing().resample;
  return *config_.resample == ModelConfig::Resample::bicubic ? Resample::bicubic : Resample::bilinear;
}

std::string Backbone::doubt() const {
  return config_.mean && config_.standard_deviation ? std::string() : model_.preprocessing().doubt;
}

int Backbone::descriptor_dim(DescriptorConfig::Kind kind) const {
  return kind == DescriptorConfig::Kind::masked_crop ? architecture().image_vector_dim : architecture().dim;
}

void Backbone::require_descriptor(const DescriptorConfig& config) const {
  const bool crops = config.kind == DescriptorConfig::Kind::masked_crop;
  if (crops && model_.image_vector_dim(config.crop_size, config.crop_size) > 0) return;
  if (!crops && (config.kind != DescriptorConfig::Kind::masked_cls || architecture().has_cls)) return;
  const int native = architecture().native_grid * architecture().patch;
  throw UsageError("the descriptors asked for cannot be made by a model of the family " + architecture().family,
                   "it has no CLS token, and its head takes images of its native size only",
                   "Set descriptor.kind: masked_crop with descriptor.crop_size: " + std::to_string(native) +
                       ", or descriptor.kind: mean_key.");
}

std::vector<float> Backbone::normalised(std::span<const Image> inputs) const {
  const std::size_t one = inputs.front().pixels.size();
  std::vector<float> batch(one * inputs.size());
  const bool bgr = config_.channel_order == ModelConfig::ChannelOrder::bgr;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    normalise(inputs[i], mean_, standard_deviation_, bgr, std::span(batch).subspan(i * one, one));
  }
  return batch;
}

VisionTransformer::Features Backbone::forward(std::span<const Image> inputs,
                                              const VisionTransformer::Request& request) const {
  VisionTransformer::Features all;
  const auto batch_size = static_cast<std::size_t>(config_.batch_size);
  for (std::size_t begin = 0; begin < inputs.size(); begin += batch_size) {
    if (before_each_batch_) before_each_batch_();
    const auto part = inputs.subspan(begin, std::min(batch_size, inputs.size() - begin));
    auto features = model_.forward(normalised(part), static_cast<int>(part.size()), part.front().height,
                                   part.front().width, request);
    if (begin == 0) {
      all = std::move(features);
      all.embeddings.reserve(all.embeddings.size() / part.size() * inputs.size());
      continue;
    }
    all.embeddings.insert(all.embeddings.end(), features.embeddings.begin(), features.embeddings.end());
    all.cls.insert(all.cls.end(), features.cls.begin(), features.cls.end());
  }
  return all;
}

std::vector<float> Backbone::segment_cls(const Image& input, std::span<const std::int16_t> segment_map,
                                         int segments) const {
  if (before_each_batch_) before_each_batch_();
  return model_.segment_cls(normalised(std::span(&input, 1)), input.height, input.width, segment_map, segments);
}

VisionTransformer::Request Backbone::embedding_request(bool cls) const {
  return {.feature = patch_feature(config_.feature), .layer = config_.layer, .cls = cls};
}

}  // namespace datus
