#include "pipeline/plan/sample_run.hpp"

#include "datus/algo/kmeans_quality.hpp"
#include "datus/comm/self_communicator.hpp"
#include "datus/core/stopwatch.hpp"
#include "datus/pipeline/report_limits.hpp"
#include "pipeline/inputs/options_of_config.hpp"
#include "pipeline/inputs/plain_images.hpp"
#include "pipeline/plan/cost_model.hpp"
#include "pipeline/report/report.hpp"
#include "pipeline/shards/shard_stages.hpp"
#include "pipeline/shards/shard_work.hpp"
#include "pipeline/shards/virtual_files.hpp"
#include "pipeline/stages/cluster/cluster.hpp"
#include "pipeline/stages/cluster/memory_budget.hpp"
#include "pipeline/stages/evaluate.hpp"
#include "pipeline/stages/mask.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <random>
#include <set>
#include <utility>

#include <malloc.h>

namespace datus {
namespace {

namespace fs = std::filesystem;

/// COLLECTIVE. A hidden folder beside the run directory, in the first folder above it that exists, so that nothing else
/// is made. Gone with the object.
std::shared_ptr<const fs::path> scratch_folder(const RunContext& run) {
  fs::path directory = fs::absolute(run.directory.root()).lexically_normal();
  if (!directory.has_filename()) directory = directory.parent_path();
  fs::path above = directory.parent_path();
  std::error_code problem;
  while (above.has_relative_path() && !fs::exists(above, problem)) above = above.parent_path();
  // All ranks remove it: again where one came in between, or a file that was still being written.
  const auto remove = [](const fs::path* path) {
    std::error_code ignored;
    for (int attempt = 0; attempt < 3 && fs::exists(*path, ignored); ++attempt) fs::remove_all(*path, ignored);
    delete path;
  };
  const std::shared_ptr<const fs::path> folder(
      new fs::path(above / ("." + directory.filename().string() + ".calibrating-" + run.job.launch())), remove);
  on_root(run.comm, [&] {
    if (fs::create_directory(*folder, problem) || !problem) return;
    throw SystemError("Cannot make the folder " + folder->string() + " to measure in", problem.message(),
                      "Choose a writable place for the run with --run or run.directory.");
  });
  return folder;
}

/// COLLECTIVE. Of all ranks.
double largest_of(Communicator& comm, double value) {
  comm.allreduce(std::span(&value, 1), ReduceOp::max);
  return value;
}

/// COLLECTIVE. Seconds of the slowest rank. `body` is collective.
template <class Body>
double seconds_of(Communicator& comm, const Body& body) {
  comm.barrier();
  const Stopwatch watch;
  body();
  return largest_of(comm, watch.seconds());
}

/// From now on `peak_memory` counts; what was freed is given back first, so that its use again counts.
void forget_peak_memory() {
  (void)::malloc_trim(0);
  std::ofstream("/proc/self/clear_refs") << "5";
}

/// COLLECTIVE. Bytes (VmHWM) of the largest rank; where the kernel lets it not be set back, from the process' start on.
double peak_memory(Communicator& comm) {
  std::ifstream status("/proc/self/status");
  double kibibytes = 0;
  for (std::string name; status >> name;) {
    if (name == "VmHWM:" && status >> kibibytes) break;
  }
  return largest_of(comm, kibibytes * 1024);
}

/// A run of its own in the same job, on images of another one.
std::unique_ptr<RunContext> part_of_run(const RunContext& whole, const Config& config, const fs::path& folder,
                                        std::shared_ptr<const Dataset> dataset, ImageList list) {
  RunInputs inputs = whole.provenance.inputs();
  inputs.images = list.hash();
  return std::unique_ptr<RunContext>(new RunContext{.config = config,
                                                    .directory = RunDirectory(folder),
                                                    .comm = whole.comm,
                                                    .dataset = std::move(dataset),
                                                    .list = std::move(list),
                                                    .provenance = Provenance(config, std::move(inputs)),
                                                    .fitted = {},
                                                    .threads = whole.threads,
                                                    .placement = whole.placement,
                                                    .job = whole.job,
                                                    .signals = whole.signals,
                                                    .lock = {},
                                                    .events = {}});
}

/// COLLECTIVE. Some images of a run, of which there is at least one, as a run of their own.
std::unique_ptr<RunContext> open_sample(const RunContext& whole, const fs::path& folder,
                                        const std::vector<std::int64_t>& images, int shard_size) {
  ImageList list;
  list.shard_size = shard_size;
  for (const std::int64_t i : images) list.images.push_back(whole.list.images[static_cast<std::size_t>(i)]);
  std::unique_ptr<Dataset> dataset;
  collectively(whole.comm, [&] {
    dataset = open_configured_dataset(whole.config.dataset);
    dataset->keep_only(images);
    for (const Stage stage : all_stages) fs::create_directories(RunDirectory(folder).folder(stage));
  });
  Config config = whole.config;
  config.dataset.shard_size = shard_size;
  return part_of_run(whole, config, folder, std::move(dataset), std::move(list));
}

double rounds_of(const RunContext& run, std::int64_t batch) {
  return rounds_of_shards(run.list.shards(), run.list.size(), run.list.shard_size, batch, run.comm.size(), run.threads);
}

/// COLLECTIVE. extract, segment and describe; `seconds` of the slowest rank, without loading the model.
ShardSummary make_shards(RunContext& run) {
  ShardSummary summary = run_shard_stages(run, shard_stages);
  summary.seconds = largest_of(run.comm, summary.seconds);
  return summary;
}

/// COLLECTIVE. Loads the model and lets it go again, and decodes a shard.
void measure_model(RunContext& run, Calibration& result) {
  Models models;
  const auto before = static_cast<double>(resident_bytes());
  const auto load = [&] { models = load_models(run); };
  result.values.weights_load_seconds = seconds_of(run.comm, [&] { collectively(run.comm, load); });
  result.values.model_memory_bytes =
      largest_of(run.comm, std::max(0.0, static_cast<double>(resident_bytes()) - before));
  const Backbone& describing = models.descriptor ? *models.descriptor : *models.backbone;
  result.sample.grid_rows = models.preparation->grid().rows;
  result.sample.grid_cols = models.preparation->grid().cols;
  result.sample.embedding_width = models.backbone->architecture().dim;
  result.sample.descriptor_width = describing.descriptor_dim(run.config.descriptor.kind);
  const ShardIndex shard{run.comm.rank() % run.list.shards()};
  const auto decode = [&] {
    (void)load_shard_inputs(run, &*models.preparation, shard, {.images = true, .files = {}}, {});
  };
  const double seconds = seconds_of(run.comm, [&] { collectively(run.comm, decode); });
  result.values.decode_thread_seconds_per_image = seconds / rounds_of_images(run.list.shard_size, 1, run.threads);
}

/// COLLECTIVE. Returns the number of segments.
std::int64_t note_shards(RunContext& run, const ShardSummary& summary, CalibrationValues& values) {
  // The three overlap with reading and writing: what all took together is shared by how busy each was.
  double busy = 0;
  for (const StageWork& work : summary.works) busy += work.busy_seconds;
  const double share = summary.seconds / rounds_of(run, run.config.model.batch_size) / busy;
  values.extract_thread_seconds_per_image = summary.works.at(0).busy_seconds * share;
  values.segment_thread_seconds_per_image = summary.works.at(1).busy_seconds * share;
  values.describe_thread_seconds_per_image = summary.works.at(2).busy_seconds * share;
  const std::int64_t segments = summary.works.at(1).segments;
  values.segments_per_image = static_cast<double>(segments) / static_cast<double>(summary.works.at(0).images);
  const double shards = std::ceil(static_cast<double>(run.list.shards()) / run.comm.size());
  values.shard_files_seconds = seconds_of(run.comm, [&] { write_virtual_files(run); }) / shards;
  return segments;
}

/// COLLECTIVE. k-means as the configuration asks for it, but with six iterations and in memory, on rows of noise: far
/// more than caches hold, where there is time. On each rank alone, while all are at work.
void probe_kmeans(const RunContext& run, int dim, double seconds, CalibrationValues& values) {
  constexpr int most_clusters = 256;  // more would need more rows
  std::set<int> fitting;
  for (const int k : run.config.cluster.k) fitting.insert(std::min(k, most_clusters));
  KMeansOptions options = kmeans_options(run.config, {fitting.begin(), fitting.end()}, run.threads);
  options.algorithm = KMeansOptions::Algorithm::lloyd;
  if (options.init == KMeansOptions::Init::given) options.init = KMeansOptions::Init::random;
  options.max_iterations = 6;
  options.tolerance = 0;
  const double clusters = options.restarts * clusters_in_groups(options.clusters, 1);
  const double grouped = options.restarts * clusters_in_groups(options.clusters, 16);
  std::array<double, 3> measured{};
  collectively(run.comm, [&] {
    constexpr double terms_per_second = 5e7;  // of rows times clusters times width, in ten passes: a low guess
    const double most = std::min(256e6, static_cast<double>(available_bytes()) / 16 / run.comm.local_size());
    const auto count =
        std::max(static_cast<std::int64_t>(std::min(seconds * terms_per_second / grouped, most / 4) / dim),
                 std::int64_t{4} * *std::ranges::max_element(options.clusters));
    std::vector<float> noise(static_cast<std::size_t>(count * dim));
    std::minstd_rand random;
    for (float& value : noise) value = static_cast<float>(random()) * 0x1p-31F - 0.5F;
    const MemoryRows rows(noise, dim);
    SelfCommunicator alone;
    std::vector<double> passes;
    const Stopwatch watch;
    options.stop_requested = [&] {
      passes.push_back(watch.seconds());
      return run.signals->requested();
    };
    const auto results = kmeans(rows, options, {}, alone);
    const double all = watch.seconds();
    (void)kmeans_quality(rows, results, {.threads = run.threads}, alone);
    // The last passes are iterations; what they do not explain chose the first centroids.
    const double iteration = passes.size() < 5 ? all : (passes.back() - passes[passes.size() - 5]) / 4;
    const double of_thread = static_cast<double>(count) / run.threads;
    measured = {std::max(0.0, all - 7 * iteration) / of_thread / clusters, iteration / of_thread / grouped,
                (watch.seconds() - all) / of_thread / grouped};
  });
  run.comm.allreduce(std::span<double>(measured), ReduceOp::max);
  values.kmeans_start_thread_seconds = measured[0];
  values.kmeans_iteration_thread_seconds = measured[1];
  values.kmeans_quality_thread_seconds = measured[2];
}

/// COLLECTIVE. The stages after the shards. So few segments may make fewer clusters.
void measure_clusters(const RunContext& sample, std::int64_t segments, CalibrationValues& values) {
  std::set<int> fitting;
  for (const int k : sample.config.cluster.k) fitting.insert(static_cast<int>(std::min<std::int64_t>(k, segments)));
  const std::vector<int> clusters(fitting.begin(), fitting.end());
  Config config = sample.config;
  if (clusters != config.cluster.k) {
    config.cluster.k = clusters;
    config.cluster.init = ClusterConfig::Init::random;
  }
  const auto fewer = part_of_run(sample, config, sample.directory.root(), sample.dataset, sample.list);
  RunContext& run = *fewer;
  std::vector<ClusterSummary> results;
  values.cluster_seconds = seconds_of(run.comm, [&] { results = cluster_run(run); });
  for (const auto& one : results) values.kmeans_iterations = std::max<double>(values.kmeans_iterations, one.iterations);
  const auto count = static_cast<double>(clusters.size());
  for (const int k : clusters) {
    values.mask_thread_seconds_per_image +=
        make_masks(run, k).wall_seconds / rounds_of(run, run.list.shard_size) / count;
  }
  const auto rounds = [&](std::int64_t images) { return rounds_of_images(images, run.comm.size(), run.threads); };
  const bool has_truth = run.dataset->has_truth() && run.config.mask.resolution == MaskConfig::Resolution::original;
  if (has_truth) {
    const double seconds = seconds_of(run.comm, [&] {
      for (const int k : clusters) (void)evaluate_run(run, k);
    });
    values.evaluate_thread_seconds_per_image = seconds / rounds(run.list.size()) / count;
  }
  const std::int64_t shown = std::min<std::int64_t>(report_images, run.list.size());
  const double pictures = pictures_of_image(has_truth, clusters.size());
  const double seconds = seconds_of(run.comm, [&] { write_report(run, report_images); });
  values.report_thread_seconds_per_picture = seconds / rounds(shown) / pictures;
  const auto images = static_cast<double>(run.list.size());
  values.mask_bytes_per_image = static_cast<double>(present_run_size(run.directory).masks) / images / count;
  const RunDirectory report(run.directory.report().parent_path());
  values.report_bytes_per_picture =
      static_cast<double>(present_run_size(report).total()) / static_cast<double>(shown) / pictures;
}

}  // namespace

SampleSize sample_size(std::int64_t images, int shard_size, int ranks, int threads, double rounds) {
  constexpr double most_images_of_rank = 1024;
  const std::int64_t share = (images + ranks - 1) / ranks;
  const auto wanted = static_cast<std::int64_t>(std::min(rounds * threads, most_images_of_rank));
  const auto size = static_cast<int>(std::min<std::int64_t>(shard_size, share));
  if (wanted >= share) return {images, size};
  if (wanted >= 3 * std::int64_t{size}) return {std::min(images, wanted / size * size * ranks), size};
  // Whole rounds, each thread with an image.
  const std::int64_t small = std::min<std::int64_t>(size, std::max<std::int64_t>(1, wanted / 3 / threads) * threads);
  return {std::min(images, std::max<std::int64_t>(1, wanted / small) * small * ranks), static_cast<int>(small)};
}

Calibration measure_sample(RunContext& run, double seconds, double start_seconds) {
  const Stopwatch watch;
  Communicator& comm = run.comm;
  Calibration result;
  CalibrationValues& values = result.values;
  values.start_seconds = largest_of(comm, start_seconds);
  values.process_memory_bytes = largest_of(comm, static_cast<double>(resident_bytes()));
  std::vector<std::int64_t> readable;
  for (std::int64_t i = 0; i < run.list.size(); ++i) {
    if (run.list.images[static_cast<std::size_t>(i)].is_readable()) readable.push_back(i);
  }
  if (readable.empty()) readable.push_back(0);  // what it lacks is found below
  const std::int64_t images = std::ssize(readable);
  const auto scratch = scratch_folder(run);
  int smaller = 0;
  const auto open_sample_of = [&](SampleSize size) {
    std::vector<std::int64_t> chosen;
    const std::int64_t count = std::min(size.images, images);
    for (std::int64_t i = 0; i < count; ++i) chosen.push_back(readable[static_cast<std::size_t>(i * images / count)]);
    return open_sample(run, *scratch / (std::to_string(count) + "-" + std::to_string(size.shard_size)), chosen,
                       size.shard_size);
  };
  // One image for each thread first, which is slow, then more until that takes half of the time; the last counts.
  SampleSize size = sample_size(images, run.config.dataset.shard_size, comm.size(), run.threads, 1);
  auto sample = open_sample_of(size);
  measure_model(*sample, result);
  const double fixed = values.process_memory_bytes + values.model_memory_bytes;
  ShardSummary shards;
  for (double rounds = 1;;) {
    const double bytes_before = values.shard_memory_bytes;
    forget_peak_memory();
    shards = make_shards(*sample);
    values.shard_memory_bytes = std::max(0.0, peak_memory(comm) - fixed);
    const int more = size.shard_size - std::exchange(smaller, size.shard_size);
    if (more > 0) values.shard_memory_bytes_per_image = std::max(0.0, values.shard_memory_bytes - bytes_before) / more;
    const bool is_first = rounds == 1;
    const double growth = std::clamp(seconds / 2 / shards.seconds, is_first ? 3.0 : 1.0, 8.0);
    rounds *= growth;
    const SampleSize next = sample_size(images, run.config.dataset.shard_size, comm.size(), run.threads, rounds);
    if (growth < 1.5 || next == size) break;
    sample = open_sample_of(size = next);
  }
  if (shards.works.at(0).images == 0) {
    throw AgreedError(ExitCode::bad_input, "There is nothing to measure with", "none of the images can be read",
                      "Check dataset.images.");
  }
  const std::int64_t segments = note_shards(*sample, shards, values);
  probe_kmeans(run, result.sample.descriptor_width, seconds / 10, values);
  run.require_no_stop("all was measured");
  forget_peak_memory();
  if (segments > 0) measure_clusters(*sample, segments, values);
  values.image_memory_bytes = std::max(0.0, peak_memory(comm) - values.process_memory_bytes);
  run.require_no_stop("all was measured");

  result.subject = calibration_subject(run.config, run.provenance.inputs());
  result.sample.backend = run.provenance.inputs().backend;
  result.sample.has_gpus = run.placement.gpu.has_value();
  result.sample.ranks = comm.size();
  result.sample.ranks_per_node = comm.local_size();
  result.sample.threads_per_rank = run.threads;
  result.sample.image_list = run.list.hash().hex();
  result.sample.listed_images = run.list.size();
  result.sample.measured_images = sample->list.size();
  result.sample.shard_size = size.shard_size;
  result.sample.seconds = watch.seconds();
  return result;
}

}  // namespace datus
