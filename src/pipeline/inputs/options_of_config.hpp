// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/config/config.hpp"

#include <optional>
#include <string>
#include <vector>

namespace datus {

struct AffinityOptions;
struct KMeansOptions;
enum class Orientation;
enum class PatchFeature;
enum class Precision;
enum class Protocol;
enum class Resample;
enum class ResizeMode;

// What the settings mean to the layers below, which do not know the configuration. A value that is added to a setting
// does not compile before it has its case here.

[[nodiscard]] Orientation orientation_of(const DatasetConfig& config);

[[nodiscard]] ResizeMode resize_mode(ModelConfig::Resize resize);
/// Whether some patches of an input may hold no pixel of the image.
[[nodiscard]] bool has_padding(ModelConfig::Resize resize);
[[nodiscard]] Resample resample_of(ModelConfig::Resample resample);
/// Whether red and blue change places.
[[nodiscard]] bool swaps_channels(ModelConfig::ChannelOrder order);
[[nodiscard]] PatchFeature patch_feature(ModelConfig::Feature feature);
/// The rule's name in `ViTOptions::position`.
[[nodiscard]] std::string position_name(ModelConfig::Position position);
[[nodiscard]] Precision precision_of(ModelConfig::Precision precision);

[[nodiscard]] AffinityOptions affinity_options(const AffinityConfig& config);
/// Whether an edge has a weight.
[[nodiscard]] bool is_weighted(const AffinityConfig& config);
/// Whether it has one that falls with the distance, without a threshold.
[[nodiscard]] bool has_soft_weights(const AffinityConfig& config);
/// Whether segments come from a graph of the patches.
[[nodiscard]] bool uses_graph(const SegmentConfig& config);

/// Without what a job adds to them: path, GPU and functions.
[[nodiscard]] KMeansOptions kmeans_options(const Config& config, std::vector<int> clusters, int threads);

[[nodiscard]] Protocol protocol_of(EvaluateConfig::Protocol protocol);
/// Its name in score files.
[[nodiscard]] std::string protocol_name(EvaluateConfig::Protocol protocol);

/// Whether nothing but a GPU will do (`auto` takes one where there is one), and whether none may be taken.
[[nodiscard]] bool requires_gpu(const std::optional<ModelConfig::Device>& device);
[[nodiscard]] bool requires_gpu(const std::optional<ClusterConfig::Device>& device);
[[nodiscard]] bool refuses_gpu(const std::optional<ModelConfig::Device>& device);
[[nodiscard]] bool refuses_gpu(const std::optional<ClusterConfig::Device>& device);
/// What is to be set so that no stage takes a GPU, beside what is set: "model.device: cpu and cluster.device: cpu";
/// empty where none may be taken anyway.
[[nodiscard]] std::string settings_without_gpus(const Config& config);

}  // namespace datus
