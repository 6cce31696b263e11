// SPDX-License-Identifier: Apache-2.0
#include "datus/pipeline/segment.hpp"

#include "datus/algo/affinity.hpp"
#include "datus/algo/louvain.hpp"
#include "datus/algo/segments.hpp"
#include "datus/core/error.hpp"
#include "datus/core/log.hpp"
#include "datus/core/parallel.hpp"
#include "datus/io/input_guard.hpp"
#include "pipeline/backbone/model_placement.hpp"
#include "pipeline/files/key_mean.hpp"
#include "pipeline/files/keys_file.hpp"
#include "pipeline/files/keys_reader.hpp"
#include "pipeline/files/segments_file.hpp"
#include "pipeline/inputs/options_of_config.hpp"
#include "pipeline/session/progress.hpp"
#include "pipeline/session/segment_words.hpp"
#include "pipeline/stages/gpu_chunks.hpp"
#include "pipeline/stages/segment.hpp"

#include <algorithm>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace datus {
namespace {

/// The embeddings of a file's images as graphs take them.
class GraphKeys {
 public:
  /// Minus `mean` [D], where there is one. The GPU takes them from `on_gpu`, where that is given. All must outlive it.
  GraphKeys(const KeysFile& file, std::span<const float> mean, const GpuKeys* on_gpu)
      : file_(file), mean_(mean), on_gpu_(on_gpu) {}

  /// Those of one image; `room` is for them, should they differ from what is stored.
  [[nodiscard]] std::span<const float> of(std::int64_t image, std::vector<float>& room) const {
    const auto stored = file_.keys_of(static_cast<std::size_t>(image), room);
    if (mean_.empty()) return stored;
    if (stored.data() != room.data()) room.assign(stored.begin(), stored.end());
    for (std::size_t i = 0; i < room.size(); ++i) room[i] -= mean_[i % mean_.size()];
    return room;
  }
  /// Says where the GPU takes those of one image from, as they are stored: it subtracts `mean()` itself.
  void stage(std::int64_t image, GpuAffinity& gpu, int place) const {
    if (on_gpu_ != nullptr) return gpu.stage(place, *on_gpu_, static_cast<std::size_t>(image), valid(image));
    const std::size_t values = file_.values_per_image();
    file_.keys.visit([&](const auto& all) {
      gpu.stage(place, std::span(all).subspan(static_cast<std::size_t>(image) * values, values), valid(image));
    });
  }
  [[nodiscard]] std::span<const std::uint8_t> valid(std::int64_t image) const {
    return file_.valid_of(static_cast<std::size_t>(image));
  }
  [[nodiscard]] const KeysFile& file() const { return file_; }
  [[nodiscard]] std::span<const float> mean() const { return mean_; }

 private:
  const KeysFile& file_;
  std::span<const float> mean_;
  const GpuKeys* on_gpu_;
};

/// What was found in one image.
struct SegmentedImage {
  Segments segments;
  std::optional<std::int64_t> joined_pairs;  ///< of its graph
};

std::int64_t joined_pairs(const BitGraph& graph) {
  std::int64_t loops = 0;
  for (int node = 0; node < graph.nodes(); ++node) loops += graph.has_edge(node, node) ? 1 : 0;
  return (graph.total() - loops) / 2;
}

std::int64_t joined_pairs(const WeightedGraph& graph) {
  std::int64_t joined = 0;
  for (int node = 0; node < graph.nodes(); ++node) {
    const auto later = graph.row(node).subspan(static_cast<std::size_t>(node) + 1);
    joined += std::ssize(later) - std::ranges::count(later, 0);
  }
  return joined;
}

template <class Graph>
SegmentedImage segments_of(const Graph& graph, GridSize grid, const Config& config,
                           std::span<const std::uint8_t> valid) {
  const Partition partition = louvain(graph, {.resolution = config.segment.resolution});
  return {find_segments(partition.labels, grid, config.segment.min_patches, config.segment.connectivity, valid),
          joined_pairs(graph)};
}

SegmentedImage segment_image(const GraphKeys& all, std::int64_t image, const Config& config) {
  const GridSize grid = all.file().grid;
  const int dim = all.file().dim;
  const auto valid = all.valid(image);
  if (!uses_graph(config.segment)) return {every_patch_a_segment(grid, valid), std::nullopt};
  const auto affinity = affinity_options(config.affinity);
  std::vector<float> room;
  const auto keys = all.of(image, room);
  if (is_weighted(config.affinity)) {
    return segments_of(build_weighted_graph(keys, grid.patches(), dim, affinity, valid), grid, config, valid);
  }
  return segments_of(build_bit_graph(keys, grid.patches(), dim, affinity, valid), grid, config, valid);
}

/// The images of a file in chunks of the GPU's: it makes the graphs of one or two while the threads use those
/// of another.
std::vector<SegmentedImage> segment_on_gpu(const GraphKeys& all, const Config& config, int threads, GpuAffinity& gpu) {
  const KeysFile& keys = all.file();
  const auto stage = [&](std::int64_t image, int place) { all.stage(image, gpu, place); };
  const auto segments_in_graph = [&](int place, std::int64_t image) {
    const auto valid = all.valid(image);
    return is_weighted(config.affinity) ? segments_of(gpu.weighted_graph(place), keys.grid, config, valid)
                                        : segments_of(gpu.graph(place), keys.grid, config, valid);
  };
  gpu.subtract(all.mean());
  std::vector<SegmentedImage> segments(static_cast<std::size_t>(keys.size()));
  work_in_chunks(gpu, keys.size(), threads, stage, [&](std::int64_t image, int place) {
    segments[static_cast<std::size_t>(image)] = segments_in_graph(place, image);
  });
  return segments;
}

std::vector<SegmentedImage> segment_images(const GraphKeys& all, const Config& config, int threads, SegmentGpu* gpu) {
  const KeysFile& keys = all.file();
  if (gpu != nullptr && keys.size() > 0 && gpu->makes(config)) {
    GpuAffinity affinity = gpu->lend(keys.grid.patches(), keys.dim, affinity_options(config.affinity), threads);
    auto segments = segment_on_gpu(all, config, threads, affinity);
    gpu->give_back(std::move(affinity));
    return segments;
  }
  std::vector<SegmentedImage> segments(static_cast<std::size_t>(keys.size()));
  parallel_for(keys.size(), threads,
               [&](std::int64_t i) { segments[static_cast<std::size_t>(i)] = segment_image(all, i, config); });
  return segments;
}

SegmentTally tally_of(const SegmentedImage& one) {
  const Segments& found = one.segments;
  SegmentTally tally;
  tally.images = 1;
  tally.without_segment = found.sizes.empty() ? 1 : 0;
  for (std::size_t i = 0; i < found.segment.size(); ++i) {
    if (found.community[i] < 0) continue;  // padding
    ++tally.patches;
    if (found.segment[i] < 0) ++tally.unassigned;
  }
  if (one.joined_pairs) tally.add_graph(tally.patches, *one.joined_pairs);
  return tally;
}

void append(SegmentsFile& file, const SegmentedImage& found) {
  file.tally.add(tally_of(found));
  const Segments& one = found.segments;
  file.segment.insert(file.segment.end(), one.segment.begin(), one.segment.end());
  file.community.insert(file.community.end(), one.community.begin(), one.community.end());
  file.box.insert(file.box.end(), one.boxes.begin(), one.boxes.end());
  file.size.insert(file.size.end(), one.sizes.begin(), one.sizes.end());
  file.offset.push_back(file.offset.back() + static_cast<std::int64_t>(one.sizes.size()));
}

}  // namespace

SegmentsFile segment_keys(const KeysFile& keys, const Config& config, int threads, SegmentGpu* gpu,
                          std::span<const float> mean, const GpuKeys* on_gpu) {
  const bool takes_mean = needs_dataset_mean(config);
  if (takes_mean && keys.size() > 0 && std::ssize(mean) != keys.dim) {
    throw UsageError("affinity.center: dataset has a mean embedding of " + std::to_string(mean.size()) + " values",
                     "the embeddings have " + std::to_string(keys.dim), "Use the mean of the same embeddings.");
  }
  SegmentsFile file;
  file.images = keys.images;
  file.grid = keys.grid;
  file.patch = keys.patch;
  const GraphKeys all(keys, takes_mean ? mean : std::span<const float>(), on_gpu);
  for (const auto& one : segment_images(all, config, threads, gpu)) append(file, one);
  return file;
}

void segment_to_file(const Config& config, const std::filesystem::path& keys, const std::filesystem::path& out,
                     int threads, const Communicator& comm) {
  InputGuard({keys}).check(out);
  const ModelPlacement placement = place_model(config.model, comm);
  std::optional<SegmentGpu> own_gpu;
  if (placement.gpu) own_gpu.emplace(*placement.gpu);
  SegmentGpu* const gpu = own_gpu ? &*own_gpu : nullptr;
  const KeyMean mean = needs_dataset_mean(config) ? mean_of_keys_file(keys, threads) : KeyMean();
  const KeysReader reader(keys);
  SegmentsFile all;
  all.images.name = reader.names();
  all.grid = reader.grid();
  all.patch = reader.patch();
  Progress progress("segment", reader.size(), false);
  // Several chunks of a GPU, which works on one while the threads are at another.
  const std::int64_t step = std::max<std::int64_t>(16, threads) * (gpu != nullptr ? 4 : 1);
  for (std::int64_t begin = 0; begin < reader.size(); begin += step) {
    const std::int64_t count = std::min(step, reader.size() - begin);
    auto part = segment_keys(reader.read(begin, count), config, threads, gpu, mean.values);
    all.segment.insert(all.segment.end(), part.segment.begin(), part.segment.end());
    all.community.insert(all.community.end(), part.community.begin(), part.community.end());
    all.box.insert(all.box.end(), part.box.begin(), part.box.end());
    all.size.insert(all.size.end(), part.size.begin(), part.size.end());
    all.tally.add(part.tally);
    const std::int64_t base = all.offset.back();
    for (std::size_t i = 1; i < part.offset.size(); ++i) all.offset.push_back(base + part.offset[i]);
    progress.add(static_cast<double>(count));
  }
  write_segments(out, all, std::nullopt);
  if (const auto warning = tally_warning(all.tally, config); !warning.empty()) log::warning(warning);
}

}  // namespace datus
