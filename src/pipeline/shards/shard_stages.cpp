// SPDX-License-Identifier: Apache-2.0
#include "pipeline/shards/shard_stages.hpp"

#include "datus/core/log.hpp"
#include "datus/core/look_ahead.hpp"
#include "datus/core/write_behind.hpp"
#include "pipeline/pending/files_to_make.hpp"
#include "pipeline/pending/run_size.hpp"
#include "pipeline/pending/stale_files.hpp"
#include "pipeline/session/progress.hpp"
#include "pipeline/session/shard_queue.hpp"
#include "pipeline/shards/batch_fill.hpp"
#include "pipeline/shards/batch_probe.hpp"
#include "pipeline/shards/dataset_mean.hpp"
#include "pipeline/shards/shard_inputs.hpp"
#include "pipeline/shards/shard_work.hpp"
#include "pipeline/shards/shard_writers.hpp"
#include "pipeline/shards/unreadable.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace datus {
namespace {

/// "extract+segment+describe"
std::string names_of(StageSet stages) {
  std::string names;
  for (const Stage stage : all_stages) {
    if (stages.has(stage)) names += (names.empty() ? "" : "+") + std::string(stage_name(stage));
  }
  return names;
}

bool uses_models(const RunContext& run, const std::vector<StageSet>& stale) {
  return std::any_of(stale.begin(), stale.end(), [&](const auto& files) { return needs_of(run.config, files).images; });
}

void tell_of_empty_places(const RunContext& run) {
  if (!run.placement.gpu || run.comm.rank() != 0 || run.list.size() <= run.list.shard_size) return;
  const std::string text = text_of_empty_places(run.placement.batch_size, run.list.shard_size);
  if (!text.empty()) log::info("embeddings: " + text);
}

/// COLLECTIVE.
void tell_of_empty_crop_places(const RunContext& run, CropBatchCounts counts) {
  std::array<std::int64_t, 2> sums{counts.batches, counts.crops};
  run.comm.allreduce(std::span(sums), ReduceOp::sum);
  const std::string text = text_of_empty_places({sums[0], sums[1]}, run.placement.batch_size, run.comm.size());
  if (run.comm.rank() == 0 && !text.empty()) log::info("crops: " + text);
}

/// Throws when the rest of the run will not fit on the disk. Rank 0 looks for all.
void require_space_for(const RunContext& run, const Models& models, const std::vector<StageSet>& stale) {
  if (run.force) return;
  on_root(run.comm, [&] {
    const Backbone& descriptor = models.descriptor ? *models.descriptor : *models.backbone;
    const ModelShape shape{.grid = models.preparation->grid(),
                           .dim = models.backbone->architecture().dim,
                           .descriptor_dim = descriptor.descriptor_dim(run.config.descriptor.kind)};
    const RunSize present = present_run_size(run.directory);
    require_space(run_size_after(run, files_to_make(run, stale), shape, present), present, run.directory);
  });
}

/// Takes this rank's shards through the stages. While one is in the model, the one before it is written and the images
/// of the next one are decoded: at most three shards are in memory, and a slow disk holds the model up, not the memory.
///
/// With a GPU three more are under way, each a step behind the next, so that the GPU always has something to do: it
/// gets a shard's images before the vectors of the one before are taken, and its crops before those of the one before
/// that, while a thread looks for the segments of the one between. Shards that share batches take each step together.
/// A GPU makes embeddings faster than one thread writes them: then several are written at a time (`shard_writers`).
class ShardLine {
 public:
  ShardLine(const RunContext& run, const Models& models, const std::vector<StageSet>& stale, ShardQueue& queue,
            ShardTally& tally, Progress& progress)
      : run_(run),
        models_(models),
        stale_(stale),
        queue_(queue),
        tally_(tally),
        progress_(progress),
        inputs_([this](std::int64_t shard, const auto& stop) {
          return load_shard_inputs(run_, models_.preparation ? &*models_.preparation : nullptr, {shard},
                                   needs_of(run_.config, stale_of({shard})), stop);
        }),
        writes_(run, tally) {}

  void work_off() {
    try {
      for (auto shards = claim(); !shards.empty(); shards = claim()) {
        begin(shards);
        advance();
        // On the CPU nothing goes on by itself.
        if (!run_.placement.gpu) end_open();
      }
      end_open();
    } catch (const InterruptedError&) {
      for (const Open* open : {&describing_, &segmenting_, &extracting_, &begun_}) {
        for (const auto& work : *open) run_.events.write("abandoned", {{"shard", work->shard().value}});
      }
    }
    writes_.flush();
  }

 private:
  using Open = std::vector<std::unique_ptr<ShardWork>>;

  [[nodiscard]] std::int64_t batch_of(ShardIndex shard) const { return shard.value / shards_in_batch_; }

  /// The next shard, with those that share its batch, by number; none when all are taken. Another rank may have some of
  /// them, and may be faster: then there is one of another batch among them.
  std::vector<ShardIndex> claim() {
    std::vector<ShardIndex> shards;
    for (auto shard = queue_.claim(); shard; shard = queue_.claim()) {
      shards.push_back(*shard);
      const auto next = queue_.peek();
      if (!next || batch_of(*next) != batch_of(*shard)) break;
    }
    std::ranges::sort(shards, {}, &ShardIndex::value);
    return shards;
  }

  void begin(const std::vector<ShardIndex>& shards) {
    for (std::size_t i = 0; i < shards.size(); ++i) {
      run_.events.write("shard_start", {{"shard", shards[i].value}});
      auto inputs = inputs_.take(shards[i].value);
      // Not claimed yet: a rank that has nothing to do may still take it, then what was decoded here is dropped.
      const auto next = i + 1 < shards.size() ? std::optional(shards[i + 1]) : queue_.peek();
      if (next) inputs_.start(next->value);
      begun_.push_back(std::make_unique<ShardWork>(run_, models_, shards[i], stale_of(shards[i]), std::move(inputs),
                                                   tally_, progress_));
    }
    std::vector<ShardWork*> together;
    for (const auto& work : begun_) {
      if (!together.empty() && batch_of(together.front()->shard()) != batch_of(work->shard())) {
        ShardWork::begin_extract(std::exchange(together, {}));
      }
      together.push_back(work.get());
    }
    ShardWork::begin_extract(together);
  }

  /// Takes each shard before the one that was begun a step on: what the GPU has made is taken from it after it was
  /// given more.
  void advance() {
    if (!segmenting_.empty()) segments_.flush();
    for (const auto& work : segmenting_) work->begin_describe();
    for (const auto& work : extracting_) work->end_extract();
    start_segments(extracting_);
    for (const auto& work : describing_) {
      work->end_describe();
      writes_.push(work->take());
    }
    describing_ = std::exchange(segmenting_, {});
    segmenting_ = std::exchange(extracting_, {});
    extracting_ = std::exchange(begun_, {});
  }

  void end_open() {
    while (!extracting_.empty() || !segmenting_.empty() || !describing_.empty()) advance();
  }

  /// On a thread of its own where a GPU goes on meanwhile.
  void start_segments(const Open& open) {
    if (open.empty()) return;
    std::vector<ShardWork*> works;
    for (const auto& work : open) works.push_back(work.get());
    const auto segment = [works] {
      for (ShardWork* work : works) work->segment();
    };
    run_.placement.gpu ? segments_.push(segment) : segment();
  }

  [[nodiscard]] const StageSet& stale_of(ShardIndex shard) const {
    return stale_[static_cast<std::size_t>(shard.value)];
  }

  const RunContext& run_;
  const Models& models_;
  const std::vector<StageSet>& stale_;
  ShardQueue& queue_;
  ShardTally& tally_;
  Progress& progress_;
  LookAhead<ShardInputs> inputs_;
  const std::int64_t shards_in_batch_ = shards_in_batch(run_);
  // Whose embeddings were begun last, and before that; whose segments are looked for; whose descriptors are made.
  Open begun_;
  Open extracting_;
  Open segmenting_;
  Open describing_;
  WriteBehind segments_;  ///< at most one at a time
  ShardWriters writes_;
};

/// What a pass over some shards took, and what it left.
struct Pass {
  double seconds = 0;
  std::vector<ShardIndex> left;
};

/// COLLECTIVE.
Pass work_off(const RunContext& run, Models& models, StageSet stages, const std::vector<StageSet>& stale,
              const std::vector<ShardIndex>& pending, ShardTally& tally) {
  ShardQueue queue(
      run.directory.claims() / run.job.launch() / names_of(stages), pending, run.comm,
      [&] { return run.signals->requested(); }, [&] { run.require_held(); });
  Progress progress(names_of(stages), image_count(run.list, pending), run.comm.rank() != 0,
                    [&] { return static_cast<double>(queue.finished_elsewhere() * run.list.shard_size); });
  if (models.backbone) ask_at_each_batch(run, models, progress, tally);
  ShardLine(run, models, stale, queue, tally, progress).work_off();
  Pass pass;
  pass.left = queue.finish();
  pass.seconds = progress.seconds();
  return pass;
}

/// COLLECTIVE. The stages on all shards that need them.
ShardSummary take_shards_through(RunContext& run, StageSet stages) {
  const auto found = find_stale_shards(run, stages);
  for (const auto& reason : found.reasons) log::info("redoing what no longer fits: " + reason);
  std::vector<ShardIndex> pending;
  for (std::size_t i = 0; i < found.shards.size(); ++i) {
    if (found.shards[i].any()) pending.push_back({static_cast<std::int64_t>(i)});
  }
  Models models;
  if (uses_models(run, found.shards)) {
    const Progress loading("loading the model", 0, run.comm.rank() != 0);
    collectively(run.comm, [&] { models = load_models(run); });
    freeze_batch_size(run, models);
    tell_of_empty_places(run);
    require_space_for(run, models, found.shards);
  } else {
    models = without_model(run);
  }

  ShardSummary summary;
  ShardTally tally;
  summary.shards = std::ssize(pending);
  while (!pending.empty()) {
    const Pass pass = work_off(run, models, stages, found.shards, pending, tally);
    summary.seconds += pass.seconds;
    pending = pass.left;
  }
  tell_of_empty_crop_places(run, tally.crop_batches());
  const auto works = tally.works();
  for (const Stage stage : all_stages) {
    if (stages.has(stage)) summary.works.push_back(total_work(works.at(static_cast<std::size_t>(stage)), run.comm));
  }
  run.require_no_stop("all shards were done");
  return summary;
}

/// COLLECTIVE. All embeddings first, for their mean.
ShardSummary take_shards_through_after_mean(RunContext& run, StageSet stages) {
  ShardSummary first;
  if (stages.has(Stage::extract)) first = take_shards_through(run, {Stage::extract});
  find_dataset_mean(run);
  stages.set(Stage::extract, false);
  ShardSummary summary = take_shards_through(run, stages);
  summary.works.insert(summary.works.begin(), first.works.begin(), first.works.end());
  summary.shards = std::max(summary.shards, first.shards);
  summary.seconds += first.seconds;
  return summary;
}

}  // namespace

ShardSummary run_shard_stages(RunContext& run, StageSet stages) {
  const bool has_mean = needs_dataset_mean(run.config) && stages.has(Stage::segment);
  ShardSummary summary = has_mean ? take_shards_through_after_mean(run, stages) : take_shards_through(run, stages);
  // Only now: files of an earlier pass may be damaged, and are made anew by a later one.
  summary.unreadable = report_unreadable(run);
  return summary;
}

}  // namespace datus
