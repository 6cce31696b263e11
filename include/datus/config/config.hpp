// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/dataset_type.hpp"
#include "datus/core/hash.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace datus {

// The members' initialisers below are the one place where defaults are written. What a key means,
// which values it takes and which stages it affects is in the one table of `schema.hpp`.

/// A step of a run. The order is that of the data flow.
enum class Stage { extract, segment, describe, cluster, mask, evaluate };

/// Their names, which are those of the subcommands.
inline constexpr std::array stage_names = {"extract", "segment", "describe", "cluster", "mask", "evaluate"};

/// All stages, in the order of the data flow.
inline constexpr auto all_stages = [] {
  std::array<Stage, stage_names.size()> stages{};
  for (std::size_t i = 0; i < stages.size(); ++i) stages.at(i) = static_cast<Stage>(i);
  return stages;
}();
static_assert(all_stages.back() == Stage::evaluate, "stage_names has a name for each stage");

[[nodiscard]] constexpr const char* stage_name(Stage stage) {  ///< "extract", …
  return stage_names.at(static_cast<std::size_t>(stage));
}

/// `run.*`: where a run lives and how the job behaves.
struct RunConfig {
  /// As written, so relative to the current folder; by default `runs/` and the stem of the
  /// configuration file.
  std::filesystem::path directory = "runs/default";
  std::uint64_t seed = 0;
  /// Seconds that an open shard may take after a request to stop.
  int grace = 30;
  bool mixed_hardware = false;
  friend bool operator==(const RunConfig&, const RunConfig&) = default;
};

/// Where the names of the ground-truth classes come from: a number, a JSON file, or neither (both
/// empty).
struct ClassSource {
  std::optional<int> count;
  std::optional<std::filesystem::path> file;
  friend bool operator==(const ClassSource&, const ClassSource&) = default;
};

/// `dataset.*`: which images, and their ground truth where there is some. All paths are absolute
/// once loaded.
struct DatasetConfig {
  enum class OnUnreadable { report, skip };
  /// `stored`: pixels as stored in the file; `exif`: turned and mirrored as the EXIF orientation
  /// says.
  enum class Orientation { stored, exif };

  /// One of the `plain_dataset_types`, or a description.
  DatasetType kind = "folder";
  std::optional<std::filesystem::path> images;
  std::optional<std::filesystem::path> truth;
  ClassSource classes;
  /// A built-in map by its bare name, or an absolute path.
  std::optional<std::filesystem::path> label_map;
  int void_label = 255;
  std::optional<std::string> split;
  std::optional<std::filesystem::path> list;
  /// Empty (`auto`): from the number of images.
  std::optional<int> shard_size;
  OnUnreadable on_unreadable = OnUnreadable::report;
  Orientation orientation = Orientation::stored;
  friend bool operator==(const DatasetConfig&, const DatasetConfig&) = default;
};

/// Height and width in pixels.
struct PixelSize {
  int rows = 0;
  int cols = 0;
  friend bool operator==(const PixelSize&, const PixelSize&) = default;
};

/// `model.*`: the frozen backbone and what it is fed. An empty optional means `auto`: decided from
/// the weights.
struct ModelConfig {
  enum class Resize { squash, crop, pad };
  enum class Resample { bicubic, bilinear };
  enum class ChannelOrder { rgb, bgr };
  enum class Position { offset, size, size_antialias };
  enum class Feature { key, query, value, token };
  enum class Precision { float32, bfloat16, float16 };
  enum class Device { cpu, cuda };

  std::optional<std::filesystem::path> weights;
  PixelSize input_size = {224, 224};
  Resize resize = Resize::squash;
  std::optional<Resample> resample;
  ChannelOrder channel_order = ChannelOrder::rgb;
  /// Per channel in the order R, G, B, for pixels in [0, 1].
  std::optional<std::array<double, 3>> mean;
  /// Per channel in the order R, G, B: the divisor (key `model.std`).
  std::optional<std::array<double, 3>> standard_deviation;
  std::optional<double> eps;
  std::optional<int> heads;
  std::optional<std::string> branch;
  std::optional<Position> position;
  Feature feature = Feature::key;
  /// Index of the block; negative counts from the end, -1 is the last.
  int layer = -1;
  /// Whether embeddings are means over the input and its mirror image.
  bool flip = false;
  std::optional<Precision> precision;
  int batch_size = 32;
  std::optional<Device> device;
  /// Whether a GPU is given the work of a batch as one CUDA graph.
  bool cuda_graphs = false;
  friend bool operator==(const ModelConfig&, const ModelConfig&) = default;
};

/// `affinity.*`: the graph of an image's patches.
struct AffinityConfig {
  enum class Metric { dot, cosine };
  /// `sign`: every edge weighs 1; `value`: an edge weighs its affinity; `soft`: all patches are joined, by
  /// exp((affinity - 1) / temperature).
  enum class Weights { sign, value, soft };
  enum class Center { none, image, dataset };

  Metric metric = Metric::dot;
  Weights weights = Weights::sign;
  Center center = Center::none;
  float threshold = 0.0F;
  std::optional<double> quantile;
  double temperature = 0.1;
  friend bool operator==(const AffinityConfig&, const AffinityConfig&) = default;
};

/// `segment.*`: from the graph to segments.
struct SegmentConfig {
  /// `none`: every patch is a segment of its own; the other keys of the section have no effect
  /// then.
  enum class Method { louvain, none };

  Method method = Method::louvain;
  double resolution = 1.0;
  /// A segment is valid iff it has MORE patches than this.
  int min_patches = 5;
  /// 4 or 8.
  int connectivity = 8;
  friend bool operator==(const SegmentConfig&, const SegmentConfig&) = default;
};

/// `descriptor.*`: one vector per segment.
struct DescriptorConfig {
  enum class Kind { masked_crop, masked_cls, mean_key, mean_token };
  enum class Source { input };

  Kind kind = Kind::masked_crop;
  Source source = Source::input;
  /// Shorter side of the resized crop, and side of the square cut from its centre, in pixels.
  int crop_resize = 256;
  int crop_size = 224;
  /// Empty: `same`, the weights of the model section.
  std::optional<std::filesystem::path> weights;
  /// Temperature of `smooth_embeddings`; empty: the embeddings as they are.
  std::optional<double> smoothing;
  friend bool operator==(const DescriptorConfig&, const DescriptorConfig&) = default;
};

/// What there is to know of a kind of descriptors, but for how one is made (pipeline/stages/describe.cpp).
struct DescriptorTraits {
  /// Of a descriptor: that of the model's vector of an image, or of its embeddings.
  enum class Width { image_vector, embedding };

  DescriptorConfig::Kind kind;
  const char* name;  ///< in the configuration
  /// Whether it is made from the stored embeddings of the segment's patches.
  bool reads_keys;
  /// Whether the model sees a crop of each segment. Then it need not be the model, nor have the patches, that the
  /// segments were found with (`descriptor.weights`).
  bool has_crops;
  bool needs_cls;  ///< of the model
  Width width;
};

/// All kinds of descriptors, in the order of `DescriptorConfig::Kind`.
inline constexpr std::array descriptor_kinds = {
    DescriptorTraits{.kind = DescriptorConfig::Kind::masked_crop,
                     .name = "masked_crop",
                     .reads_keys = false,
                     .has_crops = true,
                     .needs_cls = false,
                     .width = DescriptorTraits::Width::image_vector},
    DescriptorTraits{.kind = DescriptorConfig::Kind::masked_cls,
                     .name = "masked_cls",
                     .reads_keys = false,
                     .has_crops = false,
                     .needs_cls = true,
                     .width = DescriptorTraits::Width::embedding},
    DescriptorTraits{.kind = DescriptorConfig::Kind::mean_key,
                     .name = "mean_key",
                     .reads_keys = true,
                     .has_crops = false,
                     .needs_cls = false,
                     .width = DescriptorTraits::Width::embedding},
    DescriptorTraits{.kind = DescriptorConfig::Kind::mean_token,
                     .name = "mean_token",
                     .reads_keys = false,
                     .has_crops = false,
                     .needs_cls = false,
                     .width = DescriptorTraits::Width::embedding},
};

[[nodiscard]] constexpr const DescriptorTraits& traits_of(DescriptorConfig::Kind kind) {  ///< Its row.
  return descriptor_kinds.at(static_cast<std::size_t>(kind));
}
static_assert(
    [] {
      for (const DescriptorTraits& traits : descriptor_kinds) {
        if (&traits_of(traits.kind) != &traits) return false;
      }
      return true;
    }(),
    "descriptor_kinds has a row for each kind, in their order");

/// `cluster.*`: k-means over all descriptors.
struct ClusterConfig {
  enum class Init { kmeans_plus_plus, kmeans_parallel, random, file };
  enum class Algorithm { lloyd, mini_batch };
  enum class Mode { exact, fast };
  enum class Device { cpu, cuda };
  enum class Comm { mpi, nccl };

  /// Distinct and ascending once loaded; never empty.
  std::vector<int> k = {27};
  /// Empty: k-means with K clusters itself.
  std::optional<int> fine;
  Init init = Init::kmeans_plus_plus;
  Algorithm algorithm = Algorithm::lloyd;
  Mode mode = Mode::exact;
  int max_iterations = 300;
  double tolerance = 1e-4;
  int restarts = 1;
  std::int64_t batch_size = 2048;
  int epochs = 50;
  /// `FILE.h5` or `FILE.h5:/dataset`, the file's path absolute; set iff `init` is `file`.
  std::optional<std::string> centroids;
  /// Bytes per rank; empty means `auto`.
  std::optional<std::int64_t> memory;
  std::optional<int> checkpoint_every;  ///< null: 10, where that costs little
  /// Groups of ranks, at least 1. Empty means `auto`.
  std::optional<int> groups;
  /// Empty means `auto`.
  std::optional<Device> device;
  std::optional<Comm> comm;
  friend bool operator==(const ClusterConfig&, const ClusterConfig&) = default;
};

/// `mask.*`: label maps as files.
struct MaskConfig {
  /// `segment`: a patch has the cluster of its segment; `dense`: each pixel that of the embeddings around it.
  enum class Labels { segment, dense };
  /// `crf`: the fully connected CRF; `guided`: the guided filter.
  enum class Refine { none, crf, guided };
  enum class Resolution { original, input, grid };
  /// `png`: a file for each image; `hdf5`: one for each shard.
  enum class Format { png, hdf5 };

  Labels labels = Labels::segment;
  Refine refine = Refine::none;
  Resolution resolution = Resolution::original;
  std::vector<Format> formats = {Format::png};
  friend bool operator==(const MaskConfig&, const MaskConfig&) = default;
};

/// Whether masks are made from the embeddings themselves.
[[nodiscard]] bool has_dense_labels(const MaskConfig& config);

/// Whether they then follow the edges of the image.
[[nodiscard]] bool has_refinement(const MaskConfig& config);

/// `evaluate.*`: scores against ground truth.
struct EvaluateConfig {
  enum class Protocol { strict, datus_compat, stego, stego_crop, many_to_one, over_clustering };
  enum class Matching { given, own };

  std::vector<Protocol> protocols = {Protocol::strict, Protocol::datus_compat};
  /// Scores file whose cluster-to-class mapping is used instead of matching anew.
  std::optional<std::filesystem::path> mapping;
  Matching matching = Matching::given;
  /// Data sets that are drawn for the intervals of the scores; 0: no intervals.
  int bootstrap = 1000;
  friend bool operator==(const EvaluateConfig&, const EvaluateConfig&) = default;
};

/// `storage.*`: what of the intermediate data is kept, and how.
struct StorageConfig {
  enum class Embeddings { float16, float32, none };
  enum class Compression { none };

  Embeddings embeddings = Embeddings::float16;
  Compression compression = Compression::none;
  /// Whether embeddings are on disk at all.
  [[nodiscard]] bool keeps_embeddings() const { return embeddings != Embeddings::none; }
  friend bool operator==(const StorageConfig&, const StorageConfig&) = default;
};

/// Every setting of a run. `Config{}` holds the defaults.
struct Config {
  /// Name of the set of values that the keys not written elsewhere took.
  std::string preset = "paper";
  RunConfig run;
  DatasetConfig dataset;
  ModelConfig model;
  AffinityConfig affinity;
  SegmentConfig segment;
  DescriptorConfig descriptor;
  ClusterConfig cluster;
  MaskConfig mask;
  EvaluateConfig evaluate;
  StorageConfig storage;
  friend bool operator==(const Config&, const Config&) = default;
};

/// Whether segments take the mean embedding of the whole data set, so that all embeddings come before the first of
/// them.
[[nodiscard]] bool needs_dataset_mean(const Config& config);

/// The value of a setting that is this path as it is: no `~` and no `$` in it is expanded.
[[nodiscard]] std::string literal_path(const std::string& path);

/// Reads the configuration `file` (none: defaults), then `overrides`, each "section.key=value" with
/// a YAML value, the last one of a key winning. Precedence, lowest first: defaults, preset, file,
/// overrides. Without a preset, `cluster.init`, and a key of affinity, segment, descriptor or mask (but its formats),
/// the preset of a file is `best`. Paths in the file are relative to the folder of the file, those of
/// overrides and `run.directory` to the current folder. Throws `UsageError` for an unknown key, a wrong value or a
/// contradiction, naming key, file and line.
[[nodiscard]] Config load_config(const std::optional<std::filesystem::path>& file,
                                 std::span<const std::string> overrides);

/// `load_config` without a file.
[[nodiscard]] Config default_config(std::span<const std::string> overrides = {});

/// Throws `UsageError` when `key` ("model.weights") holds nothing (`null`). `why` says who needs
/// it. For keys that only some commands need.
void require_key(const Config& config, const std::string& key, const std::string& why);

/// Every key with its value as YAML, with `comments` each below its meaning. Loading it gives an
/// equal `Config`.
[[nodiscard]] std::string dump_config(const Config& config, bool comments);

/// Lines "section.key: value" of the keys that affect the results of `stage` itself, not of the
/// stages before it, in a canonical form: equal settings give equal text. Paths are left out, what
/// they hold is hashed by content elsewhere.
[[nodiscard]] std::string settings_text(const Config& config, Stage stage);

/// Hash of `settings_text`.
[[nodiscard]] Hash settings_hash(const Config& config, Stage stage);

}  // namespace datus
