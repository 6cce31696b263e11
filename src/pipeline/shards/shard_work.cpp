// SPDX-License-Identifier: Apache-2.0
#include "pipeline/shards/shard_work.hpp"

#include "datus/core/log.hpp"
#include "datus/core/stopwatch.hpp"
#include "pipeline/inputs/options_of_config.hpp"
#include "pipeline/shards/batch_fill.hpp"
#include "pipeline/stages/describe.hpp"
#include "pipeline/stages/extract.hpp"
#include "pipeline/stages/gpu_stages.hpp"
#include "pipeline/stages/segment.hpp"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace datus {
ShardWork::ShardWork(const RunContext& run, const Models& models, ShardIndex shard, StageSet stale, ShardInputs inputs,
                     ShardTally& tally, Progress& progress)
    : run_(run), models_(models), inputs_(std::move(inputs)), tally_(tally), progress_(progress) {
  products_.shard = shard;
  products_.stale = stale;
  products_.keys = std::move(inputs_.keys);
  products_.segments = std::move(inputs_.segments);
  for (const auto& problem : inputs_.problems) log::warning(problem);
}

bool ShardWork::needs_keys() const {
  const StageSet& stale = products_.stale;
  const bool describes = stale.has(Stage::describe) && traits_of(run_.config.descriptor.kind).reads_keys;
  return !products_.keys && (stale.has(Stage::extract) || stale.has(Stage::segment) || describes);
}

std::byte* ShardWork::place_on_gpu() {
  const StageSet& stale = products_.stale;
  if (!models_.graphs || !keeps_keys_on_gpu(run_.config)) return nullptr;
  if (!stale.has(Stage::segment) && !stale.has(Stage::describe)) return nullptr;
  keys_on_gpu_ = models_.graphs->lend_keys(shape_on_gpu(run_, models_));
  return keys_on_gpu_->address();
}

void ShardWork::begin_extract(std::span<ShardWork* const> together) {
  std::vector<ShardWork*> works;
  std::vector<KeysPart> parts;
  double images = 0;
  for (ShardWork* work : together) {
    if (!work->needs_keys()) continue;
    works.push_back(work);
    const RunContext& run = work->run_;
    const std::int64_t place = work->shard().value % shards_in_batch(run) * run.list.shard_size;
    parts.push_back({&work->inputs_.decoded, static_cast<std::size_t>(place), work->names(), nullptr});
    images += work->products_.stale.has(Stage::extract) ? work->images_of_stage() : 0;
  }
  if (works.empty()) return;
  const ShardWork& first = *works.front();
  const RunContext& run = first.run_;
  const Stopwatch watch;
  // One that has its batches alone; others' embeddings go up again.
  if (works.size() == 1 && parts.front().place == 0) parts.front().kept_on_gpu = works.front()->place_on_gpu();
  first.progress_.begin_pieces(images, static_cast<std::int64_t>(parts.back().place + parts.back().inputs->size()));
  auto keys = begin_keys_together(parts, *first.models_.backbone, first.models_.preparation->grid(),
                                  key_type(run.config.storage), run.threads);
  first.progress_.end_pieces();
  for (std::size_t i = 0; i < works.size(); ++i) {
    works[i]->keys_under_way_ = std::move(keys[i]);
    works[i]->extract_seconds_ = works[i]->inputs_.seconds + watch.seconds() / static_cast<double>(works.size());
  }
}

void ShardWork::end_extract() {
  if (!keys_under_way_.valid()) return;
  const Stopwatch watch;
  products_.keys = keys_under_way_.get();
  products_.keys->images = inputs_.images;
  // All shards have the dataset, or none: those whose images fill the input too.
  auto& valid = products_.keys->valid;
  if (valid.empty() && has_padding(run_.config.model.resize)) {
    valid.assign(static_cast<std::size_t>(products_.keys->size() * products_.keys->grid.patches()), 1);
  }
  report(Stage::extract, extract_seconds_ + watch.seconds(), std::ssize(products_.keys->images.image), 0);
}

void ShardWork::segment() {
  if (!products_.stale.has(Stage::segment)) return;
  (void)segments();
  progress_.add(images_of_stage());
}

double ShardWork::images_of_stage() const {
  const auto [begin, end] = run_.list.range(products_.shard);
  const auto stages = std::ranges::count_if(all_stages, [&](Stage stage) { return products_.stale.has(stage); });
  return static_cast<double>(end - begin) / static_cast<double>(stages);
}

std::vector<std::string> ShardWork::names() const {
  std::vector<std::string> names;
  for (const auto image : inputs_.images.image) {
    names.push_back(run_.list.images[static_cast<std::size_t>(image)].name);
  }
  return names;
}

const SegmentsFile& ShardWork::segments() {
  if (!products_.segments) {
    const Stopwatch watch;
    products_.segments = segment_keys(*products_.keys, run_.config, run_.threads, models_.graphs.get(),
                                      run_.key_mean.values, keys_on_gpu_ ? &*keys_on_gpu_ : nullptr);
    report(Stage::segment, watch.seconds(), products_.segments->image_count(), std::ssize(products_.segments->size));
  }
  return *products_.segments;
}

void ShardWork::require_same_images(const SegmentsFile& found) const {
  // Files of earlier versions do not have the content.
  if (inputs_.images.image == found.images.image &&
      (found.images.listed.empty() || inputs_.images.content == found.images.content)) {
    return;
  }
  throw InputError(
      "Shard " + std::to_string(products_.shard.value) + " has other images than before",
      "an image was repaired, replaced or damaged since its segments were made",
      "Run again; should that not help, delete " + run_.directory.segments(products_.shard).string() + " before.");
}

void ShardWork::begin_describe() {
  if (products_.stale.has(Stage::describe)) describe();
  if (keys_on_gpu_) models_.graphs->give_back(*std::exchange(keys_on_gpu_, std::nullopt));
}

void ShardWork::describe() {
  const auto& found = segments();
  require_same_images(found);
  // None for descriptors of keys from files.
  const Backbone* const backbone = models_.descriptor ? &*models_.descriptor
                                   : models_.backbone ? &*models_.backbone
                                                      : nullptr;
  const Stopwatch watch;
  const bool has_crops = traits_of(run_.config.descriptor.kind).has_crops;
  progress_.begin_pieces(images_of_stage(), has_crops ? std::ssize(found.size) : found.image_count());
  const SmoothingPlace smoothing{run_.threads, models_.smoothing.get(), keys_on_gpu_ ? &*keys_on_gpu_ : nullptr};
  descriptors_under_way_ = begin_descriptors(inputs_.decoded, found, backbone, run_.config, smoothing,
                                             first_crop_place(shard(), run_.placement.batch_size),
                                             [this]() -> const KeysFile& { return *products_.keys; });
  progress_.end_pieces();
  describe_seconds_ = watch.seconds();
}

void ShardWork::end_describe() {
  if (!descriptors_under_way_.valid()) return;
  const Stopwatch watch;
  products_.descriptors = descriptors_under_way_.get();
  report(Stage::describe, describe_seconds_ + watch.seconds(), products_.segments->image_count(),
         std::ssize(products_.descriptors->segment));
}

void ShardWork::report(Stage stage, double seconds, std::int64_t images, std::int64_t segments) {
  run_.events.write("shard", {{"stage", stage_name(stage)},
                              {"shard", products_.shard.value},
                              {"images", images},
                              {"unreadable", std::ssize(inputs_.images.unreadable)},
                              {"segments", segments},
                              {"seconds", seconds}});
  tally_.add_computed(stage, {.stage = stage_name(stage),
                              .shards = 1,
                              .images = images,
                              .segments = segments,
                              .bytes = 0,
                              .busy_seconds = seconds,
                              .wall_seconds = seconds,
                              .note = {}});
}

Models without_model(const RunContext& run) {
  Models models;
  if (run.placement.gpu) models.graphs = std::make_unique<SegmentGpu>(*run.placement.gpu);
  models.smoothing = smoothing_on_gpu(run.placement.gpu, SmoothingGpu::describes(run.config));
  return models;
}

GpuKeys::Shape shape_on_gpu(const RunContext& run, const Models& models) {
  const auto [begin, end] = run.list.range(ShardIndex{0});
  return {.images = static_cast<std::size_t>(std::max<std::int64_t>(end - begin, 1)),
          .values = static_cast<std::size_t>(models.preparation->grid().patches()) *
                    static_cast<std::size_t>(models.backbone->architecture().dim),
          .halves = key_type(run.config.storage) == KeyType::float16};
}

void ask_at_each_batch(const RunContext& run, Models& models, Progress& progress, ShardTally& tally) {
  const auto may_go_on = [signals = run.signals, grace = std::chrono::seconds(run.config.run.grace),
                          &progress](std::size_t done) {
    signals->check_grace(grace, "The open shard");
    progress.pieces_done(done);
  };
  models.backbone->before_each_batch(may_go_on);
  if (models.descriptor) models.descriptor->before_each_batch(may_go_on);
  (models.descriptor ? *models.descriptor : *models.backbone).at_crops([&tally](std::size_t crops) {
    tally.add_crop_batch(crops);
  });
}

Models load_models(const RunContext& run) {
  Models models = without_model(run);
  models.backbone.emplace(run.config.model, *run.config.model.weights, run.placement, run.threads);
  models.preparation.emplace(run.config.model, models.backbone->architecture().patch, models.backbone->resample());
  if (run.config.descriptor.weights) {
    models.descriptor.emplace(run.config.model, *run.config.descriptor.weights, run.placement, run.threads);
  }
  (models.descriptor ? *models.descriptor : *models.backbone).require_descriptor(run.config.descriptor);
  log::detail("model: " + models.backbone->architecture().family + ", " + models.backbone->preprocessing_text());
  if (run.comm.rank() == 0 && !models.backbone->doubt().empty()) log::warning(models.backbone->doubt());
  return models;
}

void ShardTally::add_computed(Stage stage, const StageWork& work) {
  const std::scoped_lock lock(mutex_);
  auto& sum = works_.at(static_cast<std::size_t>(stage));
  sum.shards += work.shards;
  sum.images += work.images;
  sum.segments += work.segments;
  sum.busy_seconds += work.busy_seconds;
  sum.wall_seconds += work.wall_seconds;
}

void ShardTally::add_bytes(Stage stage, std::int64_t bytes) {
  const std::scoped_lock lock(mutex_);
  works_.at(static_cast<std::size_t>(stage)).bytes += bytes;
}

void ShardTally::add_crop_batch(std::size_t crops) {
  const std::scoped_lock lock(mutex_);
  ++crop_batches_.batches;
  crop_batches_.crops += static_cast<std::int64_t>(crops);
}

CropBatchCounts ShardTally::crop_batches() const {
  const std::scoped_lock lock(mutex_);
  return crop_batches_;
}

std::array<StageWork, all_stages.size()> ShardTally::works() const {
  const std::scoped_lock lock(mutex_);
  auto works = works_;
  for (const Stage stage : all_stages) works.at(static_cast<std::size_t>(stage)).stage = stage_name(stage);
  return works;
}

namespace {

void write_product(const RunContext& run, Stage stage, const ShardProducts& products,
                   const std::filesystem::path& path) {
  const StageProvenance provenance = run.provenance.of(stage).of_shard(products.shard);
  switch (stage) {
    case Stage::extract:
      return write_keys(path, *products.keys, provenance, run.writing());
    case Stage::segment:
      return write_segments(path, *products.segments, provenance, run.writing());
    case Stage::describe:
      return write_descriptors(path, *products.descriptors, provenance, run.writing());
    case Stage::cluster:
    case Stage::mask:
    case Stage::evaluate:
      break;  // not by shards
  }
}

}  // namespace

std::vector<WrittenFile> write_products(const RunContext& run, const ShardProducts& products) {
  std::vector<WrittenFile> files;
  for (const Stage stage : all_stages) {
    if (!products.stale.has(stage)) continue;
    const Stopwatch watch;
    const auto path = run.directory.shard_file(stage, products.shard);
    write_product(run, stage, products, path);
    const auto bytes = static_cast<std::int64_t>(std::filesystem::file_size(path));
    files.push_back({products.shard, stage, bytes, watch.seconds()});
  }
  return files;
}

void report_written(const RunContext& run, const std::vector<WrittenFile>& files, ShardTally& tally) {
  for (const WrittenFile& file : files) {
    tally.add_bytes(file.stage, file.bytes);
    run.events.write("written", {{"stage", stage_name(file.stage)},
                                 {"shard", file.shard.value},
                                 {"bytes", file.bytes},
                                 {"seconds", file.seconds}});
  }
}

}  // namespace datus
