// SPDX-License-Identifier: Apache-2.0
#include "pipeline/stages/mask.hpp"

#include "datus/core/error.hpp"
#include "datus/core/hash.hpp"
#include "datus/core/parallel.hpp"
#include "datus/core/spare_objects.hpp"
#include "datus/core/text.hpp"
#include "datus/io/atomic_file.hpp"
#include "datus/io/image_reader.hpp"
#include "datus/io/mask_file.hpp"
#include "datus/io/palette.hpp"
#include "pipeline/files/cluster_files.hpp"
#include "pipeline/files/keys_file.hpp"
#include "pipeline/files/mask_record.hpp"
#include "pipeline/files/segments_file.hpp"
#include "pipeline/files/verified_file.hpp"
#include "pipeline/inputs/input_preparation.hpp"
#include "pipeline/inputs/options_of_config.hpp"
#include "pipeline/session/progress.hpp"
#include "pipeline/session/shard_queue.hpp"
#include "pipeline/stages/dense_labels.hpp"
#include "pipeline/stages/mask_output.hpp"

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include <nlohmann/json.hpp>

namespace datus {
namespace {

namespace fs = std::filesystem;

std::string mask_provenance(const RunContext& run, int k) {
  return run.provenance.of(Stage::mask, k).hash().hex();
}

bool are_there(const fs::path& folder, const MaskRecord::Hashes& hashes) {
  return std::ranges::all_of(hashes, [&](const auto& entry) {
    const fs::path file = folder / entry.first;
    return fs::is_regular_file(file) && hash_file(file).hex() == entry.second;
  });
}

/// Whether the shard's masks are of this provenance, and as they were written. With a damaged record they are not.
bool are_current(const RunContext& run, int k, ShardIndex shard) {
  const auto text = text_of_file(run.directory.mask_record(k, shard));
  const auto record = text ? mask_record_from(*text) : std::nullopt;
  const fs::path masks = run.directory.masks(k);
  return record && record->provenance == mask_provenance(run, k) && record->shard == shard.value &&
         are_there(masks, record->masks) && are_there(preview_folder(masks), record->previews);
}

MaskRecord::Hashes hashes_of(const fs::path& folder, const std::vector<std::string>& names, int threads) {
  std::vector<std::string> texts(names.size());
  parallel_for(std::ssize(names), threads, [&](std::int64_t i) {
    const auto index = static_cast<std::size_t>(i);
    texts[index] = hash_file(folder / names[index]).hex();
  });
  MaskRecord::Hashes hashes;
  for (std::size_t i = 0; i < names.size(); ++i) hashes[names[i]] = texts[i];
  return hashes;
}

/// Records the masks of these names, as they are now.
void write_record(const RunContext& run, int k, ShardIndex shard, const std::vector<std::string>& names) {
  const fs::path masks = run.directory.masks(k);
  MaskRecord record{.provenance = mask_provenance(run, k),
                    .shard = shard.value,
                    .masks = hashes_of(masks, names, run.threads),
                    .previews = {}};
  if (needs_preview(k)) record.previews = hashes_of(preview_folder(masks), names, run.threads);
  const fs::path path = run.directory.mask_record(k, shard);
  make_folders(path.parent_path());
  write_text_atomically(path, to_text(record), run.writing());
}

using TakeMap = std::function<void(int k, const LabelMap&)>;

/// What the images of a shard are labelled with.
struct ShardLabels {
  std::vector<std::int64_t> images;  ///< index in the list
  /// Makes the map of each K of the image at that place in `images`, one after the other, from any thread.
  std::function<void(std::size_t, ImageSize, const TakeMap&)> make_maps;
};

/// Each patch has the cluster of its segment.
ShardLabels labels_of_segments(const RunContext& run, int k, ShardIndex shard, const AssignmentFile& assignment) {
  const auto segments = std::make_shared<const SegmentsFile>(
      read_segments(run.directory.segments(shard), run.provenance.of(Stage::segment).of_shard(shard)));
  const InputPreparation preparation(run.config.model, run.config.model.input_size.rows / segments->grid.rows,
                                     Resample::bicubic);
  const auto clusters = assignment.of_shard(shard);
  if (std::ssize(clusters) != segments->offset.back()) {
    throw InputError(
        "The clusters for K = " + std::to_string(k) + " do not fit shard " + std::to_string(shard.value),
        "they name " + std::to_string(clusters.size()) + " segments of " + std::to_string(segments->offset.back()),
        "Delete " + run.directory.assignment(k).string() + " and run again.");
  }
  return {segments->images.image, [=, &run](std::size_t index, ImageSize size, const TakeMap& take) {
            const auto patches = static_cast<std::size_t>(segments->grid.patches());
            const auto first = static_cast<std::size_t>(segments->offset[index]);
            const auto count = static_cast<std::size_t>(segments->offset[index + 1]) - first;
            const auto labels = cluster_of_patches(std::span(segments->segment).subspan(index * patches, patches),
                                                   clusters.subspan(first, count));
            take(k, mask_of_patches(labels, preparation, size, run.config.mask.resolution));
          }};
}

/// Each pixel has the cluster that is most similar to the embeddings around it.
ShardLabels labels_of_embeddings(const RunContext& run, const std::vector<int>& of_clusters, ShardIndex shard,
                                 const std::map<int, DenseClusters>& clusters) {
  const auto keys = std::make_shared<const KeysFile>(
      read_keys(run.directory.keys(shard), run.provenance.of(Stage::extract).of_shard(shard)));
  for (const int k : of_clusters) {
    if (keys->dim == clusters.at(k).dim) continue;
    throw InputError("The clusters have " + std::to_string(clusters.at(k).dim) + " values, the embeddings in " +
                         run.directory.keys(shard).string() + " " + std::to_string(keys->dim),
                     "they come from another model", "Run all stages again.");
  }
  const InputPreparation preparation(run.config.model, run.config.model.input_size.rows / keys->grid.rows,
                                     Resample::bicubic);
  const auto masks =
      std::make_shared<SpareObjects<DenseMasks>>([=, &run] { return DenseMasks(run.config, preparation); });
  return {keys->images.image, [=, &run, &clusters](std::size_t index, ImageSize size, const TakeMap& take) {
            const auto values = static_cast<std::size_t>(keys->grid.patches()) * static_cast<std::size_t>(keys->dim);
            auto of_image = masks->take();
            of_image.look_at(std::span(keys->keys).subspan(index * values, values), keys->dim, keys->valid_of(index),
                             size,
                             [&] { return read_image(run.image_path(keys->images.image[index]), run.orientation()); });
            for (const int k : of_clusters) take(k, of_image.mask(clusters.at(k)));
            masks->give_back(std::move(of_image));
          }};
}

/// Returns the number of masks.
std::int64_t make_shard_masks(const RunContext& run, const std::vector<int>& of_clusters, ShardIndex shard,
                              const ShardLabels& labels, Progress& progress) {
  std::map<int, Palette> palettes;
  for (const int k : of_clusters) palettes.emplace(k, label_palette(k));
  const WriteOptions options = run.writing();
  std::vector<std::string> names(labels.images.size());
  parallel_for(static_cast<std::int64_t>(names.size()), run.threads, [&](std::int64_t i) {
    run.signals->check_grace(std::chrono::seconds(run.config.run.grace), "The open shard");
    const auto index = static_cast<std::size_t>(i);
    const auto& image = run.list.images[static_cast<std::size_t>(labels.images[index])];
    names[index] = mask_name(image.name);
    labels.make_maps(index, {image.height, image.width}, [&](int k, const LabelMap& map) {
      write_mask_files(run.directory.masks(k), names[index], map, k, palettes.at(k), options);
      progress.add(1);
    });
  });
  for (const int k : of_clusters) write_record(run, k, shard, names);
  return std::ssize(names) * std::ssize(of_clusters);
}

/// COLLECTIVE. For each shard the values of K whose masks are stale.
std::map<std::int64_t, std::vector<int>> stale_masks_of(const RunContext& run, const std::vector<int>& of_clusters) {
  std::map<std::int64_t, std::vector<int>> stale;
  for (const int k : of_clusters) {
    for (const ShardIndex shard : stale_masks(run, k)) stale[shard.value].push_back(k);
  }
  return stale;
}

/// What segments or embeddings are labelled by, for each K.
struct Clusters {
  std::map<int, AssignmentFile> of_segments;
  std::map<int, DenseClusters> of_embeddings;

  void read(const RunContext& run, int k) {
    const StageProvenance made_from = run.provenance.of(Stage::cluster, k);
    if (has_dense_labels(run.config.mask)) {
      of_embeddings.emplace(k, read_dense_clusters(open_verified(run.directory.centroids(k), made_from), ""));
    } else {
      of_segments.emplace(k, read_assignment(run.directory.assignment(k), made_from));
    }
  }
  [[nodiscard]] ShardLabels labels(const RunContext& run, const std::vector<int>& of_clusters, ShardIndex shard) const {
    if (of_segments.empty()) return labels_of_embeddings(run, of_clusters, shard, of_embeddings);
    const auto& [k, assignment] = *of_segments.begin();
    return labels_of_segments(run, k, shard, assignment);
  }
};

/// COLLECTIVE. Returns what is left to do. `stale`: the K whose masks are to be made, by shard.
std::vector<ShardIndex> work_off(const RunContext& run, const std::vector<int>& of_clusters,
                                 const std::map<std::int64_t, std::vector<int>>& stale, const Clusters& clusters,
                                 std::int64_t masks, const std::vector<ShardIndex>& pending, StageWork& work) {
  const std::string name = "mask-" + RunDirectory::cluster_name(of_clusters.front());
  ShardQueue queue(
      run.directory.claims() / run.job.launch() / name, pending, run.comm, [&] { return run.signals->requested(); },
      [&] { run.require_held(); });
  Progress progress("mask", masks, run.comm.rank() != 0, [&] {
    return static_cast<double>(queue.finished_elsewhere() * masks) / static_cast<double>(queue.total());
  });
  while (const auto shard = queue.claim()) {
    const std::vector<int>& of_shard = stale.at(shard->value);
    const double before = progress.seconds();
    try {
      work.images += make_shard_masks(run, of_shard, *shard, clusters.labels(run, of_shard, *shard), progress);
    } catch (const InterruptedError&) {
      break;
    }
    const double seconds = progress.seconds() - before;
    for (const int k : of_shard) {
      const double share = seconds / static_cast<double>(of_shard.size());
      run.events.write("shard", {{"stage", "mask"}, {"k", k}, {"shard", shard->value}, {"seconds", share}});
    }
    work.shards += std::ssize(of_shard);
    work.busy_seconds += seconds;
  }
  work.wall_seconds += progress.seconds();
  return queue.finish();
}

/// COLLECTIVE. The stale masks of these K, shard by shard for all of them at once.
StageWork make_masks_of(const RunContext& run, const std::vector<int>& of_clusters) {
  const auto stale = stale_masks_of(run, of_clusters);
  StageWork work;
  if (stale.empty()) return work;

  std::vector<ShardIndex> pending;
  std::set<int> needed;
  std::int64_t masks = 0;
  for (const auto& [shard, of_shard] : stale) {
    pending.push_back({shard});
    needed.insert(of_shard.begin(), of_shard.end());
    masks += image_count(run.list, {{shard}}) * std::ssize(of_shard);
  }
  Clusters clusters;
  collectively(run.comm, [&] {
    for (const int k : needed) clusters.read(run, k);
  });
  while (!pending.empty()) pending = work_off(run, of_clusters, stale, clusters, masks, pending, work);
  run.require_no_stop("all masks were done");
  return total_work(work, run.comm);
}

}  // namespace

std::vector<ShardIndex> stale_masks(const RunContext& run, int k) {
  std::vector<std::uint8_t> current;
  const auto [begin, end] = share_of(run.list.shards(), run.comm);
  collectively(run.comm, [&, begin = begin, end = end] {
    const Progress progress("verifying masks", 0, run.comm.rank() != 0);
    for (std::int64_t i = begin; i < end; ++i) current.push_back(are_current(run, k, {i}) ? 1 : 0);
  });
  std::vector<ShardIndex> stale;
  const auto current_everywhere = allgather_values(run.comm, current);
  for (std::size_t i = 0; i < current_everywhere.size(); ++i) {
    if (current_everywhere[i] == 0) stale.push_back({static_cast<std::int64_t>(i)});
  }
  return stale;
}

StageWork make_masks(const RunContext& run) {
  // An image's embeddings are smoothed once for all K. Clusters of segments are one K's at a time: they are as many as
  // there are segments, and there is nothing to share.
  std::vector<std::vector<int>> together;
  if (has_dense_labels(run.config.mask)) {
    together.push_back(run.config.cluster.k);
  } else {
    for (const int k : run.config.cluster.k) together.push_back({k});
  }
  StageWork work;
  work.stage = stage_name(Stage::mask);
  for (const std::vector<int>& of_clusters : together) {
    const StageWork some = make_masks_of(run, of_clusters);
    work.shards += some.shards;
    work.images += some.images;
    work.busy_seconds += some.busy_seconds;
    work.wall_seconds += some.wall_seconds;
  }
  return work;
}

void require_current_masks(const RunContext& run, int k, ShardIndex shard) {
  if (are_current(run, k, shard)) return;
  throw InputError("The masks of shard " + std::to_string(shard.value) + " in " + run.directory.masks(k).string() +
                       " cannot be used",
                   "they are missing, were changed, or come from other clusters or settings",
                   "Run the stage 'mask' first, or 'datus run'.");
}

}  // namespace datus
