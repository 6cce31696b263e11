#include "pipeline/calibration_kmeans.hpp"

#include "datus/algo/kmeans.hpp"
#include "datus/algo/kmeans_quality.hpp"
#include "datus/comm/self_communicator.hpp"
#include "datus/core/parallel.hpp"
#include "datus/core/philox.hpp"
#include "datus/core/stopwatch.hpp"
#include "datus/pipeline/run_cost.hpp"
#include "pipeline/calibration_meter.hpp"
#include "pipeline/stages/cluster/memory_budget.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <utility>
#include <vector>

namespace datus {
namespace {

constexpr std::int64_t mebibyte = std::int64_t{1} << 20U;
/// Whole groups of 16, below those for which bounds on distances are kept.
constexpr int few_clusters = 32;
constexpr int many_clusters = 112;
constexpr int parallel_clusters = 64;
constexpr std::int64_t few_rows = 2 * many_clusters;

/// Evenly distributed in [-1, 1).
float noise(std::int64_t row, int value) {
  const auto word = philox(
      {static_cast<std::uint32_t>(row), static_cast<std::uint32_t>(row >> 32U), static_cast<std::uint32_t>(value), 0},
      {7, 0})[0];
  return static_cast<float>(static_cast<std::int32_t>(word)) * 0x1p-31F;
}

/// Rows of unit length around 100 directions.
AlignedVector<float> make_rows(std::int64_t count, int dim, int threads) {
  constexpr std::int64_t groups = 100;
  const auto width = static_cast<std::size_t>(dim);
  std::vector<float> directions(static_cast<std::size_t>(groups) * width);
  for (std::size_t i = 0; i < directions.size(); ++i) {
    directions[i] = noise(-1 - static_cast<std::int64_t>(i / width), static_cast<int>(i % width));
  }
  AlignedVector<float> rows(static_cast<std::size_t>(count) * width);
  parallel_for(count, threads, [&](std::int64_t row) {
    const std::span<float> values(rows.data() + static_cast<std::size_t>(row) * width, width);
    const float* const direction = directions.data() + static_cast<std::size_t>(row % groups) * width;
    double square = 0;
    // Cheap noise: a rotated direction of another group, scaled by the row's own number.
    const float* const other = directions.data() + static_cast<std::size_t>(row * 31 / groups % groups) * width;
    const auto shift = static_cast<std::size_t>(row / groups) % width;
    const float weight = noise(row, 0);
    for (std::size_t i = 0; i < width; ++i) {
      const std::size_t rotated = i + shift < width ? i + shift : i + shift - width;
      values[i] = direction[i] + weight * other[rotated];
      square += static_cast<double>(values[i]) * static_cast<double>(values[i]);
    }
    const auto scale = static_cast<float>(1.0 / std::sqrt(std::max(square, 1e-30)));
    for (float& value : values) value *= scale;
  });
  return rows;
}

/// A run of k-means by one rank alone, with the seconds from its start to each question whether to stop: one per pass.
struct TimedRun {
  std::vector<double> stamps;
  std::vector<KMeansResult> results;
  /// Of a pass, without the first one.
  [[nodiscard]] double pass() const {
    return stamps.size() < 2 ? 0 : (stamps.back() - stamps.front()) / static_cast<double>(stamps.size() - 1);
  }
};

TimedRun timed_run(const KMeansRows& rows, KMeansOptions options, std::span<const float> given) {
  TimedRun run;
  SelfCommunicator alone;
  const Stopwatch watch;
  options.stop_requested = [&] {
    run.stamps.push_back(watch.seconds());
    return false;
  };
  run.results = kmeans(rows, options, given, alone);
  return run;
}

class KMeansMeter {
 public:
  KMeansMeter(int dim, int threads, std::int64_t rows, Communicator& comm, CalibrationValues& values)
      : dim_(dim),
        threads_(threads),
        comm_(comm),
        values_(values),
        many_rows_(make_rows(rows, dim, threads), dim),
        few_rows_(make_rows(few_rows, dim, threads), dim) {}

  /// COLLECTIVE.
  void measure(int iterations) {
    const TimedRun large_few = lloyd(many_rows_, few_clusters, iterations);
    const TimedRun large_many = lloyd(many_rows_, many_clusters, iterations);
    // Short passes: more of them.
    const TimedRun small_few = lloyd(few_rows_, few_clusters, 4 * iterations);
    const TimedRun small_many = lloyd(few_rows_, many_clusters, 4 * iterations);
    const double rows = static_cast<double>(many_rows_.count()) / threads_;
    const double small = static_cast<double>(few_rows_.count()) / threads_;

    // Per row and K from the long passes; what a pass takes without rows from the short ones.
    constexpr double more_clusters = many_clusters - few_clusters;
    const double slope = std::max(0.0, large_many.pass() - large_few.pass()) / rows / more_clusters;
    const double row = std::max(0.0, large_few.pass() / rows - few_clusters * slope);
    const auto empty = [&](const TimedRun& run, int clusters) {
      return std::max(0.0, run.pass() - small * (row + clusters * slope));
    };
    const double empty_few = empty(small_few, few_clusters);
    const double empty_many = empty(small_many, many_clusters);
    const double per_value = std::max(0.0, empty_many - empty_few) / more_clusters / dim_;
    values_.kmeans_thread_seconds_per_row = row;
    values_.kmeans_thread_seconds_per_row_and_cluster = slope;
    values_.kmeans_pass_seconds_per_centroid_value = per_value;
    values_.kmeans_pass_seconds = std::max(0.0, empty_few - few_clusters * dim_ * per_value);
    values_.kmeans_summary_thread_seconds_per_row = std::max(0.0, large_few.stamps.front() - large_few.pass()) / rows;
    measure_first_centroids(rows);
    measure_quality(large_few);
  }

 private:
  [[nodiscard]] KMeansOptions options_of(int clusters, int iterations) const {
    KMeansOptions options;
    options.clusters = {clusters};
    options.max_iterations = iterations;
    options.tolerance = 0;
    options.threads = threads_;
    return options;
  }

  [[nodiscard]] TimedRun on_all_ranks(const KMeansRows& rows, const KMeansOptions& options,
                                      std::span<const float> given) {
    TimedRun run;
    (void)seconds_of(comm_, [&] { run = timed_run(rows, options, given); });
    return run;
  }

  /// COLLECTIVE.
  [[nodiscard]] TimedRun lloyd(const MemoryRows& rows, int clusters, int iterations) {
    KMeansOptions options = options_of(clusters, iterations);
    options.init = KMeansOptions::Init::given;
    // One row of each group, more or less: far from the means, so rows keep moving for a while.
    const AlignedVector<float> first = make_rows(clusters, dim_, threads_);
    return on_all_ranks(rows, options, first);
  }

  /// COLLECTIVE. `rows`: per thread.
  void measure_first_centroids(double rows) {
    constexpr int clusters = 12;
    KMeansOptions options = options_of(clusters, 1);
    options.init = KMeansOptions::Init::kmeans_plus_plus;
    TimedRun run = on_all_ranks(many_rows_, options, {});
    run.stamps.resize(std::min<std::size_t>(run.stamps.size(), clusters));
    values_.kmeans_plus_plus_thread_seconds_per_row = std::max(0.0, run.pass() - values_.kmeans_pass_seconds) / rows;

    options = options_of(parallel_clusters, 1);
    options.init = KMeansOptions::Init::kmeans_parallel;
    run = on_all_ranks(many_rows_, options, {});
    // Behind the seeding come one iteration and the last assignment.
    const double seeded = run.stamps.size() > 2 ? run.stamps[run.stamps.size() - 3] : 0;
    values_.kmeans_parallel_thread_seconds_per_row =
        std::max(0.0, seeded / rows - values_.kmeans_summary_thread_seconds_per_row);
  }

  /// COLLECTIVE. As many passes of an iteration as the silhouette and the stability of two restarts are worth.
  void measure_quality(const TimedRun& run) {
    std::vector<KMeansResult> results = run.results;
    results.front().restarts = {results.front().centroids, results.front().centroids};
    results.front().restart = 0;
    KMeansQualityOptions options;
    options.threads = threads_;
    SelfCommunicator alone;
    const double seconds = seconds_of(comm_, [&] { (void)kmeans_quality(many_rows_, results, options, alone); });
    constexpr double restarts = 2;
    values_.kmeans_quality_passes = run.pass() > 0 ? seconds / restarts / run.pass() : 1;
  }

  int dim_;
  int threads_;
  Communicator& comm_;
  CalibrationValues& values_;
  MemoryRows many_rows_;
  MemoryRows few_rows_;
};

/// COLLECTIVE. Seconds of one allreduce of `count` numbers, the mean of many.
double time_allreduce(std::size_t count, int repeats, Communicator& comm) {
  std::vector<std::int64_t> values(count, 1);
  comm.allreduce(values, ReduceOp::max);
  comm.barrier();
  const Stopwatch watch;
  for (int i = 0; i < repeats; ++i) comm.allreduce(values, ReduceOp::max);
  return largest_of(comm, watch.seconds() / repeats);
}

/// COLLECTIVE.
void measure_allreduce(Communicator& comm, CalibrationValues& values) {
  if (comm.size() == 1) return;
  constexpr std::size_t many = std::size_t{1} << 17U;  // 1 MiB
  const double small = time_allreduce(1, 200, comm);
  const double large = time_allreduce(many, 10, comm);
  const double ranks = comm.size();
  values.allreduce_step_seconds = small / (2 * std::ceil(std::log2(ranks)));
  values.allreduce_seconds_per_byte =
      std::max(0.0, large - small) / (static_cast<double>(many) * 8 * 2 * (ranks - 1) / ranks);
}

/// Bytes of rows for a rank: 4 MiB for each second, so that it takes a small part of the time, but with a minute far
/// more than caches hold; and a small part of the memory.
std::int64_t bytes_of_rows(double seconds, int local_ranks) {
  const auto wanted = static_cast<std::int64_t>(std::clamp(4 * seconds, 2.0, 256.0)) * mebibyte;
  return std::clamp(available_bytes() / 16 / local_ranks, mebibyte, wanted);
}

}  // namespace

void measure_kmeans(int dim, int threads, double seconds, Communicator& comm, CalibrationValues& values) {
  double bytes = 0;
  collectively(comm, [&] { bytes = -static_cast<double>(bytes_of_rows(seconds, comm.local_size())); });
  bytes = -largest_of(comm, bytes);  // the smallest
  const auto rows = std::max<std::int64_t>(4 * many_clusters, static_cast<std::int64_t>(bytes) / (4 * dim));
  KMeansMeter(dim, threads, rows, comm, values).measure(seconds < 10 ? 3 : 6);
  measure_allreduce(comm, values);
}

}  // namespace datus
