#include "datus/comm/self_communicator.hpp"
#include "datus/core/stopwatch.hpp"
#include "datus/pipeline/report_limits.hpp"
#include "datus/pipeline/run_cost.hpp"
#include "pipeline/calibration_files.hpp"
#include "pipeline/calibration_meter.hpp"
#include "pipeline/files/cluster_files.hpp"
#include "pipeline/peak_memory.hpp"
#include "pipeline/report/report.hpp"
#include "pipeline/stages/evaluate.hpp"
#include "pipeline/stages/mask.hpp"

#include <algorithm>
#include <utility>

namespace datus {
namespace {

namespace fs = std::filesystem;

/// So many clusters have masks of 16 bits, with a preview.
constexpr int many_clusters = 300;
constexpr int most_repeats = 8;

/// Of all files below.
double bytes_below(const fs::path& folder) {
  double bytes = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) bytes += static_cast<double>(entry.file_size());
  }
  return bytes;
}

/// The list in one shard, in which only the sample can be read: the others are as if their headers were damaged.
ImageList list_of_sample(const ImageList& all, const MeasuredSample& sample) {
  ImageList list = all;
  list.shard_size = static_cast<int>(std::min<std::int64_t>(std::max<std::int64_t>(1, all.size()), 1 << 30));
  for (std::int64_t i = 0; i < all.size(); ++i) {
    if (!sample.images.contains(i)) list.images[static_cast<std::size_t>(i)].width = 0;
  }
  return list;
}

SegmentsFile segments_of(const MeasuredSample& sample) {
  SegmentsFile file;
  file.grid = sample.keys.grid;
  file.patch = sample.keys.patch;
  for (const auto& [index, image] : sample.images) {
    file.images.image.push_back(index);
    file.segment.insert(file.segment.end(), image.segment.begin(), image.segment.end());
    file.community.insert(file.community.end(), image.community.begin(), image.community.end());
    file.box.insert(file.box.end(), image.box.begin(), image.box.end());
    file.size.insert(file.size.end(), image.size.begin(), image.size.end());
    file.offset.push_back(std::ssize(file.size));
  }
  return file;
}

/// A run of the sample, of one rank, with segments and clusters as if k-means had found them.
class SampleRun {
 public:
  SampleRun(RunContext& run, const MeasuredSample& sample, const fs::path& folder, int clusters)
      : config_(with_clusters(run.config, clusters)),
        images_(std::ssize(sample.images)),
        context_{.config = config_,
                 .directory = RunDirectory(folder),
                 .comm = alone_,
                 .dataset = run.dataset,
                 .list = list_of_sample(run.list, sample),
                 .provenance = Provenance(config_, run.provenance.inputs()),
                 .fitted = {},
                 .threads = run.threads,
                 .placement = run.placement,
                 .job = run.job,
                 .signals = run.signals,
                 .lock = {},
                 .events = {}} {}
  ~SampleRun() = default;
  SampleRun(const SampleRun&) = delete;
  SampleRun& operator=(const SampleRun&) = delete;
  SampleRun(SampleRun&&) = delete;
  SampleRun& operator=(SampleRun&&) = delete;

  void write_inputs(const MeasuredSample& sample) {
    const SegmentsFile segments = segments_of(sample);
    for (const char* name : {"segments", "masks", "scores", "clusters"}) {
      fs::create_directories(context_.directory.root() / name);
    }
    write_segments(context_.directory.segments({0}), segments, context_.provenance.of(Stage::segment).of_shard({0}),
                   context_.writing());
    std::vector<std::int32_t> labels(segments.size.size());
    for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<std::int32_t>(i) % clusters();
    const std::vector<float> centroids(static_cast<std::size_t>(clusters()), 0.0F);
    const std::vector<std::int64_t> offset = {0, std::ssize(labels)};
    write_cluster_files(context_.directory.centroids(clusters()), context_.directory.assignment(clusters()), centroids,
                        clusters(), 1, {}, {}, labels, offset, context_.provenance.of(Stage::cluster, clusters()),
                        context_.writing(), alone_);
  }

  void forget_masks() { fs::remove_all(context_.directory.root() / "masks"); }
  void make_masks() { (void)datus::make_masks(context_, clusters()); }
  void evaluate() { (void)evaluate_run(context_, clusters()); }
  void report() { write_report(context_, report_images); }
  [[nodiscard]] bool can_evaluate() const {
    return context_.dataset->has_truth() && config_.mask.resolution == MaskConfig::Resolution::original;
  }

  [[nodiscard]] std::int64_t images() const { return images_; }
  [[nodiscard]] double megapixels_per_image() const {
    double pixels = 0;
    for (const auto& image : context_.list.images) pixels += static_cast<double>(image.width) * image.height;
    return 1e-6 * pixels / static_cast<double>(images_);
  }
  [[nodiscard]] double mask_bytes() const { return bytes_below(context_.directory.root() / "masks"); }
  [[nodiscard]] double report_bytes() const { return bytes_below(context_.directory.report().parent_path()); }

 private:
  static Config with_clusters(Config config, int clusters) {
    config.cluster.k = {clusters};
    return config;
  }
  [[nodiscard]] int clusters() const { return config_.cluster.k.front(); }

  Config config_;
  std::int64_t images_;
  SelfCommunicator alone_;
  RunContext context_;
};

/// The time of one piece on one thread, and the memory of a thread.
struct Cost {
  double seconds = 0;
  double memory = 0;
};

class MaskMeter {
 public:
  MaskMeter(RunContext& run, SampleRun& sample, double seconds) : run_(run), sample_(sample), seconds_(seconds) {}

  /// COLLECTIVE. Several times, as long as there is time. `fixed`: seconds of a shard, counted elsewhere.
  Cost masks(double fixed) {
    return measured(
        sample_.images(), fixed, [&] { sample_.make_masks(); }, [&] { sample_.forget_masks(); });
  }
  Cost evaluation(double fixed) {
    return measured(
        sample_.images(), fixed, [&] { sample_.evaluate(); }, [] {});
  }
  Cost report() {
    return measured(
        std::min<std::int64_t>(report_images, sample_.images()), 0, [&] { sample_.report(); }, [] {});
  }

 private:
  Cost measured(std::int64_t images, double fixed, const std::function<void()>& body,
                const std::function<void()>& before) {
    double sum = 0;
    int repeats = 0;
    const PeakMemory memory;
    do {
      collectively(run_.comm, before);
      sum += largest_of(run_.comm, seconds_of(run_.comm, body));
      ++repeats;
    } while (sum < seconds_ && repeats < most_repeats);
    run_.require_no_stop("all was measured");
    const double one = sum / repeats;
    const auto workers = static_cast<double>(std::clamp<std::int64_t>(images, 1, run_.threads));
    // Every rank's images differ in number at most by what cannot be read.
    const auto rounds = static_cast<double>(std::max<std::int64_t>(1, rounds_of(images, images, run_.threads)));
    return {std::max(one - fixed, one / 4) / rounds, static_cast<double>(memory.growth()) / workers};
  }

  RunContext& run_;
  SampleRun& sample_;
  double seconds_;
};

}  // namespace

void measure_masks(RunContext& run, const MeasuredSample& sample, const fs::path& folder, double seconds,
                   CalibrationValues& values) {
  const double fixed_of_shard = values.file_write_seconds + 2 * values.file_open_seconds;
  {
    SampleRun small(run, sample, folder / "few", run.config.cluster.k.front());
    collectively(run.comm, [&] { small.write_inputs(sample); });
    MaskMeter meter(run, small, seconds / 4);
    const Cost mask = meter.masks(fixed_of_shard);
    const auto images = static_cast<double>(small.images());
    values.mask_thread_seconds_per_image = mask.seconds;
    values.mask_memory_bytes_per_thread = mask.memory;
    collectively(run.comm, [&] { values.mask_bytes_per_image = small.mask_bytes() / images; });
    const bool has_truth = small.can_evaluate();
    if (has_truth) {
      const Cost evaluation = meter.evaluation(fixed_of_shard);
      values.evaluate_thread_seconds_per_megapixel = evaluation.seconds / small.megapixels_per_image();
      values.evaluate_memory_bytes_per_thread = evaluation.memory;
    }
    const Cost report = meter.report();
    // The image, its segments, its truth, and one or two of the masks.
    const double pictures = has_truth ? 5 : 3;
    const double shown = static_cast<double>(std::min<std::int64_t>(report_images, small.images()));
    values.report_thread_seconds_per_picture = report.seconds / pictures;
    values.report_memory_bytes_per_thread = report.memory;
    collectively(run.comm, [&] { values.report_bytes_per_picture = small.report_bytes() / (shown * pictures); });
  }
  SampleRun large(run, sample, folder / "many", many_clusters);
  collectively(run.comm, [&] { large.write_inputs(sample); });
  values.mask_and_preview_thread_seconds_per_image = MaskMeter(run, large, seconds / 4).masks(fixed_of_shard).seconds;
  collectively(run.comm, [&] {
    values.mask_and_preview_bytes_per_image = large.mask_bytes() / static_cast<double>(large.images());
  });
}

}  // namespace datus
