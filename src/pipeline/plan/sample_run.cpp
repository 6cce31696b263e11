// SPDX-License-Identifier: Apache-2.0
#include "pipeline/plan/sample_run.hpp"

#include "datus/algo/kmeans_quality.hpp"
#include "datus/comm/self_communicator.hpp"
#include "datus/core/stopwatch.hpp"
#include "datus/model/gpu_values.hpp"
#include "datus/pipeline/report_limits.hpp"
#include "pipeline/inputs/options_of_config.hpp"
#include "pipeline/plan/cost_model.hpp"
#include "pipeline/report/report.hpp"
#include "pipeline/session/part_of_run.hpp"
#include "pipeline/shards/shard_stages.hpp"
#include "pipeline/shards/shard_work.hpp"
#include "pipeline/shards/virtual_files.hpp"
#include "pipeline/stages/cluster/cluster.hpp"
#include "pipeline/stages/cluster/memory_budget.hpp"
#include "pipeline/stages/evaluate.hpp"
#include "pipeline/stages/mask.hpp"

#include <algorithm>
#include <cmath>
#include <random>
#include <set>
#include <utility>

namespace datus {
namespace {

/// COLLECTIVE. Seconds of the slowest rank. `body` is collective.
template <class Body>
double seconds_of(Communicator& comm, const Body& body) {
  comm.barrier();
  const Stopwatch watch;
  body();
  return largest_of_ranks(comm, watch.seconds());
}

double rounds_of(const RunContext& run, std::int64_t batch) {
  return rounds_of_shards(run.list.shards(), run.list.size(), run.list.shard_size, batch, run.comm.size(), run.threads);
}

/// COLLECTIVE. Bytes of the largest rank since they were forgotten, above `base`.
double peak_memory(const RunContext& run, double base) {
  return std::max(0.0, largest_of_ranks(run.comm, static_cast<double>(peak_resident_bytes())) - base);
}

/// What a GPU would hold of them.
void count_gpu_values(const Config& config, const Models& models, Calibration& result) {
  const auto kind = config.descriptor.kind;
  const auto add = [&](const Backbone& backbone, std::int64_t patches, bool segment_cls) {
    const ViTArchitecture& model = backbone.architecture();
    result.gpu_values_per_image = std::max(result.gpu_values_per_image, activation_values(model, patches, segment_cls));
  };
  result.gpu_weights_16_bit = 0;
  result.gpu_weights_32_bit = 0;
  for (const std::optional<Backbone>* backbone : {&models.backbone, &models.descriptor}) {
    if (!*backbone) continue;
    result.gpu_weights_16_bit += weight_values((*backbone)->architecture(), true);
    result.gpu_weights_32_bit += weight_values((*backbone)->architecture(), false);
  }
  const Backbone& describing = models.descriptor ? *models.descriptor : *models.backbone;
  const std::int64_t patches = models.preparation->grid().patches();
  const std::int64_t side = config.descriptor.crop_size / describing.architecture().patch;
  add(*models.backbone, patches, false);
  add(describing, traits_of(kind).has_crops ? side * side : patches, kind == DescriptorConfig::Kind::masked_cls);
}

/// COLLECTIVE. Loads the model and lets it go again, and decodes a shard.
void measure_model(const RunContext& run, Calibration& result) {
  Models models;
  result.start_seconds += seconds_of(run.comm, [&] { collectively(run.comm, [&] { models = load_models(run); }); });
  result.process_memory_bytes = largest_of_ranks(run.comm, static_cast<double>(resident_bytes()));
  const Backbone& describing = models.descriptor ? *models.descriptor : *models.backbone;
  result.grid_rows = models.preparation->grid().rows;
  result.grid_cols = models.preparation->grid().cols;
  result.embedding_width = models.backbone->architecture().dim;
  result.descriptor_width = describing.descriptor_dim(run.config.descriptor.kind);
  count_gpu_values(run.config, models, result);
  const ShardIndex shard{run.comm.rank() % run.list.shards()};
  const auto decode = [&] {
    (void)load_shard_inputs(run, &*models.preparation, shard, {.images = true, .files = {}}, {});
  };
  const double seconds = seconds_of(run.comm, [&] { collectively(run.comm, decode); });
  result.decode_thread_seconds_per_image = seconds / rounds_of_images(run.list.shard_size, 1, run.threads);
}

/// COLLECTIVE. extract, segment and describe. Returns what they took in seconds.
double measure_shards(RunContext& run, Calibration& result) {
  forget_peak_resident_bytes();
  const ShardSummary summary = run_shard_stages(run, shard_stages);
  result.shard_memory_bytes = peak_memory(run, result.process_memory_bytes);
  const double seconds =
      largest_of_ranks(run.comm, summary.seconds) + seconds_of(run.comm, [&] { write_virtual_files(run); });
  const std::vector<StageWork>& works = summary.works;
  if (works.at(0).images == 0) {
    throw AgreedError(ExitCode::bad_input, "There is nothing to measure with", "none of the images can be read",
                      "Check dataset.images.");
  }
  // The three overlap with reading and writing: what all took together is shared by how busy each was.
  double busy = 0;
  for (const StageWork& work : works) busy += work.busy_seconds;
  const double share = seconds / rounds_of(run, run.config.model.batch_size) / busy;
  result.extract_thread_seconds_per_image = works.at(0).busy_seconds * share;
  result.segment_thread_seconds_per_image = works.at(1).busy_seconds * share;
  result.describe_thread_seconds_per_image = works.at(2).busy_seconds * share;
  result.measured_images = works.at(0).images;
  result.segments_per_image = static_cast<double>(works.at(1).segments) / static_cast<double>(result.measured_images);
  return seconds;
}

/// The configuration's K, or less where that is more than `most`.
std::vector<int> clusters_up_to(std::int64_t most, const RunContext& run) {
  std::set<int> fitting;
  for (const int k : run.config.cluster.k) fitting.insert(static_cast<int>(std::min<std::int64_t>(k, most)));
  return {fitting.begin(), fitting.end()};
}

/// COLLECTIVE. k-means as the configuration asks for it, but in memory and with one and with five iterations, on rows
/// of noise: far more than caches hold, where there is time. On each rank alone, while all are at work.
void probe_kmeans(const RunContext& run, double seconds, Calibration& result) {
  constexpr int most_clusters = 256;  // more need more rows
  const std::optional<int>& fine = run.config.cluster.fine;
  KMeansOptions options = kmeans_options(
      run.config, fine ? std::vector{std::min(*fine, most_clusters)} : clusters_up_to(most_clusters, run), run.threads);
  options.stop_requested = [&] { return run.signals->requested(); };
  options.algorithm = KMeansOptions::Algorithm::lloyd;
  if (options.init == KMeansOptions::Init::given) options.init = KMeansOptions::Init::random;
  options.tolerance = 0;
  const double clusters = grouped_clusters(options.clusters, options.restarts);
  constexpr double terms_per_second = 5e7;  // of rows times clusters times width, in all of this: a low guess
  const int dim = result.descriptor_width;
  double few = 0, more = 0, quality = 0;
  std::int64_t count = 0;
  collectively(run.comm, [&] {
    const double most = std::min(64e6, static_cast<double>(available_bytes()) / 64 / run.comm.local_size());
    count = std::max(static_cast<std::int64_t>(std::min(seconds * terms_per_second / clusters, most) / dim),
                     std::int64_t{4} * options.clusters.back());
    std::vector<float> noise(static_cast<std::size_t>(count * dim));
    std::minstd_rand random;
    for (float& value : noise) value = static_cast<float>(random()) * 0x1p-31F - 0.5F;
    const MemoryRows rows(noise, dim);
    SelfCommunicator alone;
    const Stopwatch watch;
    options.max_iterations = 1;
    (void)kmeans(rows, options, {}, alone);
    few = watch.seconds();
    options.max_iterations = 5;
    const auto results = kmeans(rows, options, {}, alone);
    more = watch.seconds() - few;
    (void)kmeans_quality(rows, results, {.threads = run.threads}, alone);
    quality = watch.seconds() - few - more;
  });
  // A pass more than there are iterations gives the labels. What is left chose the first centroids.
  const double iteration = std::max(more / 6, more - few) / 4;
  const double work = static_cast<double>(count) / run.threads * clusters;
  result.kmeans_iteration_thread_seconds = largest_of_ranks(run.comm, iteration / work);
  result.kmeans_rest_thread_seconds = largest_of_ranks(run.comm, (std::max(0.0, few - 2 * iteration) + quality) / work);
}

/// COLLECTIVE. The stages after the shards. So few segments may make fewer clusters.
void measure_clusters(const RunContext& sample, std::int64_t segments, Calibration& result) {
  const std::vector<int> clusters = clusters_up_to(segments, sample);
  Config config = sample.config;
  // Others need a certain number of clusters, or more images.
  config.evaluate.protocols = {EvaluateConfig::Protocol::strict};
  if (clusters != config.cluster.k) {
    config.cluster.k = clusters;
    config.cluster.init = ClusterConfig::Init::random;
  }
  const auto fewer = run_with_settings(sample, config);
  RunContext& run = *fewer;
  forget_peak_resident_bytes();
  // Without the model, which may be larger than all that these stages need.
  const double before = largest_of_ranks(run.comm, static_cast<double>(resident_bytes()));
  result.cluster_seconds = seconds_of(run.comm, [&] { (void)cluster_run(run); });
  const auto seconds_by_cluster = [&](const auto& stage) {
    return seconds_of(run.comm, [&] { std::ranges::for_each(clusters, stage); }) / static_cast<double>(clusters.size());
  };
  const auto rounds = [&](std::int64_t images) { return rounds_of_images(images, run.comm.size(), run.threads); };
  result.mask_thread_seconds_per_image = seconds_of(run.comm, [&] { (void)make_masks(run); }) /
                                         static_cast<double>(clusters.size()) / rounds_of(run, run.list.shard_size);
  const bool has_truth = run.dataset->has_truth() && run.config.mask.resolution == MaskConfig::Resolution::original;
  if (has_truth) {
    result.evaluate_thread_seconds_per_image =
        seconds_by_cluster([&](int k) { (void)evaluate_run(run, {k}); }) / rounds(run.list.size());
  }
  const double report = seconds_of(run.comm, [&] { write_report(run, {}); });
  result.report_thread_seconds_per_picture = report / rounds(std::min<std::int64_t>(report_images, run.list.size())) /
                                             pictures_of_image(has_truth, clusters.size());
  result.image_memory_bytes = peak_memory(run, before);
  const RunSize written = present_run_size(run.directory);
  const RunSize expected = estimate_run_size(config, run.list, {result.grid_rows, result.grid_cols},
                                             result.embedding_width, result.descriptor_width);
  result.mask_bytes_share = static_cast<double>(written.masks) / static_cast<double>(expected.masks);
  result.report_bytes_share = static_cast<double>(written.other) / static_cast<double>(expected.other);
}

}  // namespace

std::pair<std::int64_t, int> sample_size(std::int64_t images, int shard_size, int ranks, int threads, double rounds) {
  const auto wanted = static_cast<std::int64_t>(std::min<double>(rounds * threads, 1024));
  const std::int64_t share = std::min((images + ranks - 1) / ranks, wanted);
  const std::int64_t third = std::max<std::int64_t>(1, share / 3 / threads) * threads;  // whole rounds
  return {std::min(images, share * ranks), static_cast<int>(std::min<std::int64_t>({third, shard_size, share}))};
}

Calibration measure_sample(RunContext& run, double seconds, double start_seconds) {
  const Stopwatch watch;
  Communicator& comm = run.comm;
  Calibration result;
  result.start_seconds = largest_of_ranks(comm, start_seconds);
  const auto images = std::max<std::int64_t>(1, std::ranges::count_if(run.list.images, &ListedImage::is_readable));
  const auto scratch = folder_beside(run, "calibrating");
  // One image for each thread first, which is slow, then more until that takes half of the time; the last counts.
  std::unique_ptr<RunContext> sample;
  double growth = 3;
  for (double rounds = 1; growth >= 1.5; rounds *= growth) {
    const auto [count, shard_size] = sample_size(images, run.list.shard_size, comm.size(), run.threads, rounds);
    if (sample && sample->list.size() == count) break;
    sample = part_of_run(run, *scratch / std::to_string(rounds), count, shard_size);
    if (rounds == 1) measure_model(*sample, result);
    growth = std::clamp(seconds / 2 / measure_shards(*sample, result), rounds == 1 ? 3.0 : 1.0, 8.0);
  }
  probe_kmeans(run, seconds / 10, result);
  const auto segments = std::llround(result.segments_per_image * static_cast<double>(result.measured_images));
  if (segments > 0) measure_clusters(*sample, segments, result);
  run.require_no_stop("all was measured");
  result.subject = calibration_subject(run.config, run.provenance.inputs());
  result.backend = run.provenance.inputs().backend;
  result.has_gpus = run.placement.gpu.has_value();
  result.ranks = comm.size();
  result.ranks_per_node = comm.local_size();
  result.threads_per_rank = run.threads;
  result.image_list = run.list.hash().hex();
  result.listed_images = run.list.size();
  result.shard_size = sample->list.shard_size;
  result.seconds = watch.seconds();
  return result;
}

}  // namespace datus
