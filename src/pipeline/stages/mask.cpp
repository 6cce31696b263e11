// SPDX-License-Identifier: Apache-2.0
#include "pipeline/stages/mask.hpp"

#include "datus/core/log.hpp"
#include "datus/core/text.hpp"
#include "pipeline/files/mask_store.hpp"
#include "pipeline/inputs/options_of_config.hpp"
#include "pipeline/session/progress.hpp"
#include "pipeline/session/shard_queue.hpp"
#include "pipeline/stages/shard_labels.hpp"

#include <array>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace datus {
namespace {

/// A bit for each of `mask_formats`.
using Formats = std::uint8_t;

Formats bit_of(std::size_t format) {
  return static_cast<Formats>(1U << format);
}

/// The masks of a run in every format, asked for or not.
class MaskStores {
 public:
  explicit MaskStores(const RunContext& run) {
    for (std::size_t i = 0; i < mask_formats.size(); ++i) {
      stores_[i] = make_mask_store(mask_formats[i], {run.directory, run.list, run.provenance});
      if (has_format(run.config.mask, mask_formats[i])) wanted_ |= bit_of(i);
    }
  }
  [[nodiscard]] const MaskStore& operator[](std::size_t format) const { return *stores_[format]; }
  [[nodiscard]] Formats wanted() const { return wanted_; }
  [[nodiscard]] bool is_wanted(std::size_t format) const { return (wanted_ & bit_of(format)) != 0; }

  /// Those in which a shard's masks are current. Of formats that are not asked for it matters only where others are
  /// stale, which can be made from them.
  [[nodiscard]] Formats current(int k, ShardIndex shard) const {
    Formats current = 0;
    for (const bool wanted : {true, false}) {
      if (!wanted && current == wanted_) break;
      for (std::size_t i = 0; i < stores_.size(); ++i) {
        if (is_wanted(i) == wanted && stores_[i]->is_current(k, shard)) current |= bit_of(i);
      }
    }
    return current;
  }

 private:
  std::array<std::unique_ptr<const MaskStore>, mask_formats.size()> stores_;
  Formats wanted_ = 0;
};

/// COLLECTIVE. For each shard the formats in which its masks for K are current.
std::vector<Formats> current_masks(const RunContext& run, const MaskStores& stores, int k) {
  std::vector<Formats> current;
  const auto [begin, end] = share_of(run.list.shards(), run.comm);
  collectively(run.comm, [&, begin = begin, end = end] {
    const Progress progress("verifying masks", 0, run.comm.rank() != 0);
    for (std::int64_t i = begin; i < end; ++i) current.push_back(stores.current(k, {i}));
  });
  return allgather_values(run.comm, current);
}

/// What is to be made of a shard, by K.
struct StaleMasks {
  Formats current = 0;
  Formats to_make = 0;
};
using StaleShard = std::map<int, StaleMasks>;

/// Returns the number of masks.
std::int64_t make_shard_masks(const RunContext& run, const MaskStores& stores, const std::vector<int>& of_clusters,
                              ShardIndex shard, const StaleShard& stale, const ShardLabels& labels,
                              Progress& progress) {
  std::map<int, std::vector<std::unique_ptr<ShardMaskWriter>>> writers;
  for (const int k : of_clusters) {
    for (std::size_t i = 0; i < mask_formats.size(); ++i) {
      if ((stale.at(k).to_make & bit_of(i)) == 0) continue;
      writers[k].push_back(stores[i].write(k, shard, labels.images, run.writing()));
    }
  }
  labels.for_each(run.threads, [&](std::size_t index, const ShardLabels::MakeMaps& make_maps) {
    run.signals->check_grace(std::chrono::seconds(run.config.run.grace), "The open shard");
    const auto& image = run.list.images[static_cast<std::size_t>(labels.images[index])];
    make_maps({image.height, image.width}, [&](int k, const LabelMap& map) {
      for (const auto& writer : writers.at(k)) writer->add(index, map);
      progress.add(1);
    });
  });
  for (const int k : of_clusters) {
    for (const auto& writer : writers.at(k)) writer->commit(run.threads);
  }
  return std::ssize(labels.images) * std::ssize(of_clusters);
}

/// COLLECTIVE. By shard; nothing of those all of whose masks are current.
std::map<std::int64_t, StaleShard> stale_masks_of(const RunContext& run, const MaskStores& stores,
                                                  const std::vector<int>& of_clusters) {
  std::map<std::int64_t, StaleShard> stale;
  for (const int k : of_clusters) {
    const auto current = current_masks(run, stores, k);
    for (std::size_t i = 0; i < current.size(); ++i) {
      const auto to_make = static_cast<Formats>(stores.wanted() & ~current[i]);
      if (to_make != 0) stale[static_cast<std::int64_t>(i)][k] = {current[i], to_make};
    }
  }
  return stale;
}

/// What the masks of some K are made with.
struct MaskWork {
  const MaskStores& stores;
  const std::vector<int>& of_clusters;
  const std::map<std::int64_t, StaleShard>& stale;
  const MaskClusters& clusters;
  SmoothingGpu* gpu;       ///< of this rank, or null
  std::int64_t masks = 0;  ///< to make, by all ranks
};

/// Returns the number of masks.
std::int64_t make_stale_masks(const RunContext& run, const MaskWork& todo, ShardIndex shard, Progress& progress) {
  const StaleShard& stale = todo.stale.at(shard.value);
  std::int64_t made = 0;
  std::vector<int> anew;
  for (const auto& [k, masks] : stale) {
    if (masks.current == 0) {
      anew.push_back(k);
      continue;
    }
    const auto source = static_cast<std::size_t>(std::countr_zero(masks.current));
    made +=
        make_shard_masks(run, todo.stores, {k}, shard, stale, labels_of_masks(todo.stores[source], k, shard), progress);
  }
  if (anew.empty()) return made;
  return made + make_shard_masks(run, todo.stores, anew, shard, stale, todo.clusters.labels(run, anew, shard, todo.gpu),
                                 progress);
}

/// COLLECTIVE. Returns what is left to do.
std::vector<ShardIndex> work_off(const RunContext& run, const MaskWork& todo, const std::vector<ShardIndex>& pending,
                                 StageWork& work) {
  const std::string name = "mask-" + RunDirectory::cluster_name(todo.of_clusters.front());
  ShardQueue queue(
      run.directory.claims() / run.job.launch() / name, pending, run.comm, [&] { return run.signals->requested(); },
      [&] { run.require_held(); });
  Progress progress("mask", todo.masks, run.comm.rank() != 0, [&] {
    return static_cast<double>(queue.finished_elsewhere() * todo.masks) / static_cast<double>(queue.total());
  });
  while (const auto shard = queue.claim()) {
    const double before = progress.seconds();
    try {
      work.images += make_stale_masks(run, todo, *shard, progress);
    } catch (const InterruptedError&) {
      break;
    }
    const double seconds = progress.seconds() - before;
    const StaleShard& of_shard = todo.stale.at(shard->value);
    for (const auto& [k, masks] : of_shard) {
      const double share = seconds / static_cast<double>(of_shard.size());
      run.events.write("shard", {{"stage", "mask"}, {"k", k}, {"shard", shard->value}, {"seconds", share}});
    }
    work.shards += std::ssize(of_shard);
    work.busy_seconds += seconds;
  }
  work.wall_seconds += progress.seconds();
  return queue.finish();
}

/// COLLECTIVE. What goes over all shards of a K and format is no longer true once one of them is made anew.
void begin_anew(const RunContext& run, const MaskStores& stores, const std::map<std::int64_t, StaleShard>& stale) {
  std::map<int, Formats> to_make;
  for (const auto& [shard, of_shard] : stale) {
    for (const auto& [k, masks] : of_shard) to_make[k] |= masks.to_make;
  }
  on_root(run.comm, [&] {
    run.require_held();
    for (const auto& [k, formats] : to_make) {
      for (std::size_t i = 0; i < mask_formats.size(); ++i) {
        if ((formats & bit_of(i)) != 0) stores[i].begin(k);
      }
    }
  });
}

/// COLLECTIVE. The stale masks of these K, shard by shard for all of them at once.
StageWork make_masks_of(const RunContext& run, const MaskStores& stores, const std::vector<int>& of_clusters,
                        SmoothingGpu* gpu) {
  const auto stale = stale_masks_of(run, stores, of_clusters);
  StageWork work;
  if (stale.empty()) return work;

  std::vector<ShardIndex> pending;
  std::set<int> needed;
  std::int64_t masks = 0;
  for (const auto& [shard, of_shard] : stale) {
    pending.push_back({shard});
    for (const auto& [k, formats] : of_shard) {
      if (formats.current == 0) needed.insert(k);
    }
    masks += image_count(run.list, {{shard}}) * std::ssize(of_shard);
  }
  MaskClusters clusters;
  collectively(run.comm, [&] {
    for (const int k : needed) clusters.read(run, k);
  });
  begin_anew(run, stores, stale);
  const MaskWork todo{stores, of_clusters, stale, clusters, gpu, masks};
  while (!pending.empty()) pending = work_off(run, todo, pending, work);
  run.require_no_stop("all masks were done");
  return total_work(work, run.comm);
}

/// COLLECTIVE. All masks are there: what belongs to all shards, and what is of formats that are no longer asked for.
void finish_masks(const RunContext& run, const MaskStores& stores) {
  for (std::size_t i = 0; i < mask_formats.size(); ++i) {
    if (stores.is_wanted(i)) stores[i].finish(run.config.cluster.k, run.writing(), run.comm);
  }
  on_root(run.comm, [&] {
    run.require_held();
    for (const int k : run.config.cluster.k) {
      for (std::size_t i = 0; i < mask_formats.size(); ++i) {
        const std::int64_t removed = stores.is_wanted(i) ? 0 : stores[i].remove(k);
        if (removed == 0) continue;
        log::info(counted(removed, "file") + " of masks for K = " + std::to_string(k) +
                  " removed: mask.formats has no " + mask_format_name(mask_formats[i]));
      }
    }
  });
}

}  // namespace

std::vector<ShardIndex> stale_masks(const RunContext& run, int k) {
  const MaskStores stores(run);
  const auto current = current_masks(run, stores, k);
  std::vector<ShardIndex> stale;
  for (std::size_t i = 0; i < current.size(); ++i) {
    if ((stores.wanted() & ~current[i]) != 0) stale.push_back({static_cast<std::int64_t>(i)});
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
  const MaskStores stores(run);
  const auto gpu = smoothing_on_gpu(run.placement.gpu, SmoothingGpu::masks(run.config));
  StageWork work;
  work.stage = stage_name(Stage::mask);
  for (const std::vector<int>& of_clusters : together) {
    const StageWork some = make_masks_of(run, stores, of_clusters, gpu.get());
    work.shards += some.shards;
    work.images += some.images;
    work.busy_seconds += some.busy_seconds;
    work.wall_seconds += some.wall_seconds;
  }
  finish_masks(run, stores);
  return work;
}

RunMasks masks_of_run(const RunContext& run) {
  return {make_mask_store(run.config.mask.formats.front(), {run.directory, run.list, run.provenance}),
          run.list.shard_size};
}

}  // namespace datus
