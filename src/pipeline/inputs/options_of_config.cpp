// SPDX-License-Identifier: Apache-2.0
#include "pipeline/inputs/options_of_config.hpp"

#include "datus/algo/affinity.hpp"
#include "datus/algo/kmeans.hpp"
#include "datus/algo/scores.hpp"
#include "datus/io/image_reader.hpp"
#include "datus/model/input_geometry.hpp"
#include "datus/model/resize.hpp"
#include "datus/model/vision_transformer.hpp"

#include <stdexcept>
#include <utility>

// No switch below has a default, so that the compiler misses the case of a new value.
#pragma GCC diagnostic error "-Wswitch"

namespace datus {
namespace {

[[noreturn]] void throw_no_value() {
  throw std::logic_error("A setting has a value that is none of its own");
}

KMeansOptions::Init init_of(ClusterConfig::Init init) {
  switch (init) {
    case ClusterConfig::Init::kmeans_plus_plus:
      return KMeansOptions::Init::kmeans_plus_plus;
    case ClusterConfig::Init::kmeans_parallel:
      return KMeansOptions::Init::kmeans_parallel;
    case ClusterConfig::Init::random:
      return KMeansOptions::Init::random;
    case ClusterConfig::Init::file:
      return KMeansOptions::Init::given;
  }
  throw_no_value();
}

KMeansOptions::Algorithm algorithm_of(ClusterConfig::Algorithm algorithm) {
  switch (algorithm) {
    case ClusterConfig::Algorithm::lloyd:
      return KMeansOptions::Algorithm::lloyd;
    case ClusterConfig::Algorithm::mini_batch:
      return KMeansOptions::Algorithm::mini_batch;
  }
  throw_no_value();
}

KMeansOptions::Mode mode_of(ClusterConfig::Mode mode) {
  switch (mode) {
    case ClusterConfig::Mode::exact:
      return KMeansOptions::Mode::exact;
    case ClusterConfig::Mode::fast:
      return KMeansOptions::Mode::fast;
  }
  throw_no_value();
}

AffinityOptions::Center center_of(AffinityConfig::Center center) {
  switch (center) {
    case AffinityConfig::Center::none:
      return AffinityOptions::Center::none;
    case AffinityConfig::Center::image:
      return AffinityOptions::Center::image;
    case AffinityConfig::Center::dataset:
      // Of an image alone it is not known: who calls the graph subtracts it before.
      return AffinityOptions::Center::none;
  }
  throw_no_value();
}

AffinityOptions::Metric metric_of(AffinityConfig::Metric metric) {
  switch (metric) {
    case AffinityConfig::Metric::dot:
      return AffinityOptions::Metric::dot;
    case AffinityConfig::Metric::cosine:
      return AffinityOptions::Metric::cosine;
  }
  throw_no_value();
}

std::optional<double> temperature_of(const AffinityConfig& config) {
  switch (config.weights) {
    case AffinityConfig::Weights::sign:
    case AffinityConfig::Weights::value:
      return std::nullopt;
    case AffinityConfig::Weights::soft:
      return config.temperature;
  }
  throw_no_value();
}

/// The two sections have a device of their own, with the same values.
template <class Device>
bool is_gpu(Device device) {
  switch (device) {
    case Device::cpu:
      return false;
    case Device::cuda:
      return true;
  }
  throw_no_value();
}

}  // namespace

Orientation orientation_of(const DatasetConfig& config) {
  switch (config.orientation) {
    case DatasetConfig::Orientation::stored:
      return Orientation::stored;
    case DatasetConfig::Orientation::exif:
      return Orientation::exif;
  }
  throw_no_value();
}

ResizeMode resize_mode(ModelConfig::Resize resize) {
  switch (resize) {
    case ModelConfig::Resize::squash:
      return ResizeMode::squash;
    case ModelConfig::Resize::crop:
      return ResizeMode::crop;
    case ModelConfig::Resize::pad:
      return ResizeMode::pad;
  }
  throw_no_value();
}

bool has_padding(ModelConfig::Resize resize) {
  switch (resize) {
    case ModelConfig::Resize::squash:
    case ModelConfig::Resize::crop:
      return false;
    case ModelConfig::Resize::pad:
      return true;
  }
  throw_no_value();
}

Resample resample_of(ModelConfig::Resample resample) {
  switch (resample) {
    case ModelConfig::Resample::bicubic:
      return Resample::bicubic;
    case ModelConfig::Resample::bilinear:
      return Resample::bilinear;
  }
  throw_no_value();
}

bool swaps_channels(ModelConfig::ChannelOrder order) {
  switch (order) {
    case ModelConfig::ChannelOrder::rgb:
      return false;
    case ModelConfig::ChannelOrder::bgr:
      return true;
  }
  throw_no_value();
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
  throw_no_value();
}

std::string position_name(ModelConfig::Position position) {
  switch (position) {
    case ModelConfig::Position::offset:
      return "offset";
    case ModelConfig::Position::size:
      return "size";
    case ModelConfig::Position::size_antialias:
      return "size_antialias";
  }
  throw_no_value();
}

Precision precision_of(ModelConfig::Precision precision) {
  switch (precision) {
    case ModelConfig::Precision::float32:
      return Precision::float32;
    case ModelConfig::Precision::bfloat16:
      return Precision::bfloat16;
    case ModelConfig::Precision::float16:
      return Precision::float16;
  }
  throw_no_value();
}

AffinityOptions affinity_options(const AffinityConfig& config) {
  return {.center = center_of(config.center),
          .metric = metric_of(config.metric),
          .threshold = config.threshold,
          .quantile = config.quantile,
          .temperature = temperature_of(config)};
}

bool is_weighted(const AffinityConfig& config) {
  switch (config.weights) {
    case AffinityConfig::Weights::sign:
      return false;
    case AffinityConfig::Weights::value:
    case AffinityConfig::Weights::soft:
      return true;
  }
  throw_no_value();
}

bool has_soft_weights(const AffinityConfig& config) {
  return temperature_of(config).has_value();
}

bool uses_graph(const SegmentConfig& config) {
  switch (config.method) {
    case SegmentConfig::Method::louvain:
      return true;
    case SegmentConfig::Method::none:
      return false;
  }
  throw_no_value();
}

KMeansOptions kmeans_options(const Config& config, std::vector<int> clusters, int threads) {
  KMeansOptions options;
  options.clusters = std::move(clusters);
  options.init = init_of(config.cluster.init);
  options.algorithm = algorithm_of(config.cluster.algorithm);
  options.batch_size = config.cluster.batch_size;
  options.epochs = config.cluster.epochs;
  options.max_iterations = config.cluster.max_iterations;
  options.tolerance = config.cluster.tolerance;
  options.restarts = config.cluster.restarts;
  options.seed = config.run.seed;
  options.threads = threads;
  options.mode = mode_of(config.cluster.mode);
  options.checkpoint_every = config.cluster.checkpoint_every.value_or(10);
  return options;
}

Protocol protocol_of(EvaluateConfig::Protocol protocol) {
  switch (protocol) {
    case EvaluateConfig::Protocol::strict:
      return Protocol::strict;
    case EvaluateConfig::Protocol::datus_compat:
      return Protocol::datus_compat;
    case EvaluateConfig::Protocol::stego:
      return Protocol::stego;
    case EvaluateConfig::Protocol::stego_crop:
      return Protocol::stego_crop;
    case EvaluateConfig::Protocol::many_to_one:
      return Protocol::many_to_one;
    case EvaluateConfig::Protocol::over_clustering:
      return Protocol::over_clustering;
  }
  throw_no_value();
}

std::string protocol_name(EvaluateConfig::Protocol protocol) {
  switch (protocol) {
    case EvaluateConfig::Protocol::strict:
      return "strict";
    case EvaluateConfig::Protocol::datus_compat:
      return "datus-compat";
    case EvaluateConfig::Protocol::stego:
      return "stego";
    case EvaluateConfig::Protocol::stego_crop:
      return "stego-crop";
    case EvaluateConfig::Protocol::many_to_one:
      return "many_to_one";
    case EvaluateConfig::Protocol::over_clustering:
      return "over-clustering";
  }
  throw_no_value();
}

bool requires_gpu(const std::optional<ModelConfig::Device>& device) {
  return device && is_gpu(*device);
}
bool requires_gpu(const std::optional<ClusterConfig::Device>& device) {
  return device && is_gpu(*device);
}
bool refuses_gpu(const std::optional<ModelConfig::Device>& device) {
  return device && !is_gpu(*device);
}
bool refuses_gpu(const std::optional<ClusterConfig::Device>& device) {
  return device && !is_gpu(*device);
}

std::string settings_without_gpus(const Config& config) {
  std::string settings = refuses_gpu(config.model.device) ? "" : "model.device: cpu";
  if (refuses_gpu(config.cluster.device)) return settings;
  return settings + (settings.empty() ? "" : " and ") + "cluster.device: cpu";
}

}  // namespace datus
