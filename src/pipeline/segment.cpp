#include "datus/pipeline/segment.hpp"

#include "datus/algo/affinity.hpp"
#include "datus/algo/louvain.hpp"
#include "datus/algo/segments.hpp"
#include "datus/core/parallel.hpp"
#include "datus/pipeline/keys_reader.hpp"
#include "datus/pipeline/progress.hpp"

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

namespace datus {
namespace {

AffinityOptions affinity_options(const AffinityConfig& config) {
  AffinityOptions options;
  options.center =
      config.center == AffinityConfig::Center::image ? AffinityOptions::Center::image : AffinityOptions::Center::none;
  options.metric =
      config.metric == AffinityConfig::Metric::cosine ? AffinityOptions::Metric::cosine : AffinityOptions::Metric::dot;
  options.threshold = config.threshold;
  options.quantile = config.quantile;
  return options;
}

Segments segment_image(std::span<const float> keys, std::span<const std::uint8_t> valid, GridSize grid, int dim,
                       const Config& config) {
  if (config.segment.method == SegmentConfig::Method::none) return every_patch_a_segment(grid, valid);
  const auto affinity = affinity_options(config.affinity);
  const LouvainOptions options{.resolution = config.segment.resolution};
  const auto partition = config.affinity.weights == AffinityConfig::Weights::value
                             ? louvain(build_weighted_graph(keys, grid.patches(), dim, affinity, valid), options)
                             : louvain(build_bit_graph(keys, grid.patches(), dim, affinity, valid), options);
  return find_segments(partition.labels, grid, config.segment.min_patches, config.segment.connectivity, valid);
}

void append(SegmentsFile& file, Segments&& one) {
  file.segment.insert(file.segment.end(), one.segment.begin(), one.segment.end());
  file.community.insert(file.community.end(), one.community.begin(), one.community.end());
  file.box.insert(file.box.end(), one.boxes.begin(), one.boxes.end());
  file.size.insert(file.size.end(), one.sizes.begin(), one.sizes.end());
  file.offset.push_back(file.offset.back() + static_cast<std::int64_t>(one.sizes.size()));
}

}  // namespace

SegmentsFile segment_keys(const KeysFile& keys, const Config& config, int threads) {
  SegmentsFile file;
  file.images = keys.images;
  file.grid = keys.grid;
  file.patch = keys.patch;
  const auto patches = static_cast<std::size_t>(keys.grid.patches());
  const std::size_t stride = patches * static_cast<std::size_t>(keys.dim);
  std::vector<Segments> segments(static_cast<std::size_t>(keys.size()));
  parallel_for(keys.size(), threads, [&](std::int64_t i) {
    const auto index = static_cast<std::size_t>(i);
    const auto valid =
        keys.valid.empty() ? std::span<const std::uint8_t>{} : std::span(keys.valid).subspan(index * patches, patches);
    segments[index] =
        segment_image(std::span(keys.keys).subspan(index * stride, stride), valid, keys.grid, keys.dim, config);
  });
  for (auto& one : segments) append(file, std::move(one));
  return file;
}

void segment_to_file(const Config& config, const std::filesystem::path& keys, const std::filesystem::path& out,
                     int threads) {
  const KeysReader reader(keys);
  SegmentsFile all;
  all.images.name = reader.names();
  all.grid = reader.grid();
  all.patch = reader.patch();
  Progress progress("segment", "images", reader.size(), false);
  const std::int64_t step = std::max<std::int64_t>(16, threads);
  for (std::int64_t begin = 0; begin < reader.size(); begin += step) {
    const std::int64_t count = std::min(step, reader.size() - begin);
    auto part = segment_keys(reader.read(begin, count), config, threads);
    all.segment.insert(all.segment.end(), part.segment.begin(), part.segment.end());
    all.community.insert(all.community.end(), part.community.begin(), part.community.end());
    all.box.insert(all.box.end(), part.box.begin(), part.box.end());
    all.size.insert(all.size.end(), part.size.begin(), part.size.end());
    const std::int64_t base = all.offset.back();
    for (std::size_t i = 1; i < part.offset.size(); ++i) all.offset.push_back(base + part.offset[i]);
    progress.update(begin + count, 0);
  }
  write_segments(out, all, std::nullopt);
}

}  // namespace datus
