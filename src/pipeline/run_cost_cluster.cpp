#include "datus/pipeline/run_cost.hpp"
#include "pipeline/run_cost_kmeans.hpp"

#include <algorithm>
#include <cmath>

namespace datus {
namespace {

/// K of the k-means|| that is measured.
constexpr int measured_parallel_clusters = 64;
/// Collectives in which the ranks agree on one centroid of k-means++: two minima, and its values.
constexpr double collectives_of_a_choice = 3;

class KMeansCost {
 public:
  KMeansCost(const RunWork& work, const Config& config, const Calibration& calibration, const Allocation& allocation)
      : work_(work),
        config_(config),
        values_(calibration.values),
        calibration_(calibration),
        allocation_(allocation),
        rows_(static_cast<double>(rows_of_rank(work, allocation))),
        dim_(calibration.shape.descriptor_dim) {}

  [[nodiscard]] ClusterCost cost() const {
    ClusterCost cost;
    if (work_.clusters.empty()) return cost;
    cost.streams = unread_bytes() > 0;
    cost.allreduce_seconds = allreduce_seconds(values_, allocation_.ranks(), bytes_of_allreduce());
    cost.start_seconds = first_centroids();
    const bool is_mini_batch = config_.cluster.algorithm == ClusterConfig::Algorithm::mini_batch;
    cost.iteration_seconds = is_mini_batch ? batch_seconds() : pass(rows_) + cost.allreduce_seconds;
    cost.iterations = is_mini_batch ? batches() : config_.cluster.max_iterations;
    cost.passes = passes_of_first_centroids() + (is_mini_batch ? config_.cluster.epochs : cost.iterations) + 1;
    const double last = pass(rows_) + cost.allreduce_seconds;
    cost.seconds = read_rows() + summary() + cost.start_seconds +
                   static_cast<double>(cost.iterations) * cost.iteration_seconds + last +
                   values_.kmeans_quality_passes * pass(rows_) + checkpoints(cost.passes) + write_results();
    return cost;
  }

 private:
  [[nodiscard]] double threads() const { return allocation_.cpus_per_rank; }
  [[nodiscard]] double restarts() const { return config_.cluster.restarts; }

  /// Of all (K, restart) pairs.
  [[nodiscard]] double centroids() const {
    double sum = 0;
    for (const int k : work_.clusters) sum += k;
    return sum * restarts();
  }
  /// A row compared with the centroids of all pairs, in groups of 16; K from 128 on may take less (bounds).
  [[nodiscard]] double thread_seconds_per_row() const {
    double seconds = 0;
    for (const int k : work_.clusters) seconds += row_of(k);
    return seconds * restarts();
  }
  [[nodiscard]] double row_of(int k) const {
    constexpr int group = 16;
    const double lanes = (k + group - 1) / group * group;
    return values_.kmeans_thread_seconds_per_row + lanes * values_.kmeans_thread_seconds_per_row_and_cluster;
  }
  [[nodiscard]] double pass_overhead() const {
    return values_.kmeans_pass_seconds + centroids() * dim_ * values_.kmeans_pass_seconds_per_centroid_value;
  }
  /// A pass over `rows`, in which those that are not in memory are read.
  [[nodiscard]] double pass(double rows) const {
    const double computing = rows / threads() * thread_seconds_per_row();
    return std::max(computing, read_again() * rows / std::max(rows_, 1.0)) + pass_overhead();
  }

  /// Of the rank's rows, those that do not stay in memory.
  [[nodiscard]] double unread_bytes() const {
    if (!config_.cluster.memory) return 0;
    const double data = rows_ * dim_ * 4;
    const auto used = static_cast<double>(memory_of_process(work_, calibration_) +
                                          state_of_kmeans(work_, config_, calibration_, allocation_));
    const double room = std::max(0.0, static_cast<double>(*config_.cluster.memory) - used);
    return data <= room ? 0 : data - 0.75 * room;  // a quarter of the room is for buffers
  }
  [[nodiscard]] double read_bandwidth() const {
    const double of_node = values_.read_bytes_per_second * calibration_.machine.ranks_per_node;
    return std::min(values_.read_bytes_per_second, of_node / allocation_.ranks_per_node);
  }
  [[nodiscard]] double read_again() const { return unread_bytes() / read_bandwidth(); }

  /// Each file is opened by the rank that verifies it, and by the one that reads it.
  [[nodiscard]] double read_rows() const {
    const WorkPart mine = busiest_rank(work_.all, work_.shard_size, allocation_.ranks());
    return 2 * (static_cast<double>(mine.shards) * values_.file_open_seconds + rows_ * dim_ * 4 / read_bandwidth());
  }
  [[nodiscard]] double summary() const {
    return std::max(rows_ / threads() * values_.kmeans_summary_thread_seconds_per_row, read_again()) +
           4 * allreduce_seconds(values_, allocation_.ranks(), 8);
  }

  [[nodiscard]] std::int64_t passes_of_first_centroids() const {
    switch (config_.cluster.init) {
      case ClusterConfig::Init::kmeans_plus_plus:
        return *std::ranges::max_element(work_.clusters);
      case ClusterConfig::Init::kmeans_parallel:
        return 6;
      case ClusterConfig::Init::random:
        return 1;
      case ClusterConfig::Init::file:
        return 0;
    }
    return 0;
  }

  [[nodiscard]] double first_centroids() const {
    const auto passes = static_cast<double>(passes_of_first_centroids());
    const double distance = rows_ / threads() * values_.kmeans_plus_plus_thread_seconds_per_row;
    const double of_pair = allreduce_seconds(values_, allocation_.ranks(), 8.0 * dim_);
    const double collectives = passes * collectives_of_a_choice * of_pair;
    double computing = 0;
    switch (config_.cluster.init) {
      case ClusterConfig::Init::kmeans_plus_plus:
        computing = centroids() * distance;
        break;
      case ClusterConfig::Init::random:
        computing = restarts() * static_cast<double>(work_.clusters.size()) * distance;
        break;
      case ClusterConfig::Init::kmeans_parallel:
        for (const int k : work_.clusters) {
          // A round compares with about 2 K candidates.
          const double growth = row_of(2 * k) / row_of(2 * measured_parallel_clusters);
          const double rounds = rows_ / threads() * values_.kmeans_parallel_thread_seconds_per_row * growth;
          computing += restarts() * (rounds + choice_among_candidates(k));
        }
        break;
      case ClusterConfig::Init::file:
        break;
    }
    return std::max(computing, passes * read_again()) + passes * values_.kmeans_pass_seconds + collectives;
  }

  /// Greedy k-means++ among the 10 K candidates of k-means||, which every rank does.
  [[nodiscard]] double choice_among_candidates(int k) const {
    const double trials = std::clamp(1024.0 / k, 1.0, 5.0);
    return 10.0 * k * k * trials / threads() * values_.kmeans_plus_plus_thread_seconds_per_row;
  }

  /// One stop flag, and for each pair two counters, sums [K, D], counts and inertias [K]: int64.
  [[nodiscard]] double bytes_of_allreduce() const {
    double values = 1;
    for (const int k : work_.clusters) values += restarts() * (2 + static_cast<double>(k) * dim_ + 2.0 * k);
    return 8 * values;
  }

  [[nodiscard]] std::int64_t batches() const {
    const std::int64_t all = std::llround(work_.segments);
    const std::int64_t batch = std::max<std::int64_t>(1, std::min(config_.cluster.batch_size, all));
    return config_.cluster.epochs * ((all + batch - 1) / batch);
  }
  [[nodiscard]] double batch_seconds() const {
    const double rows = std::min(static_cast<double>(config_.cluster.batch_size), work_.segments);
    return pass(std::ceil(rows / static_cast<double>(allocation_.ranks()))) +
           allreduce_seconds(values_, allocation_.ranks(), bytes_of_allreduce());
  }

  [[nodiscard]] double checkpoints(std::int64_t passes) const {
    const double bytes = centroids() * dim_ * 8;  // the centroids before and after the last update
    const double one = values_.file_write_seconds + bytes / values_.write_bytes_per_second;
    if (config_.cluster.checkpoint_every <= 0) return 0;
    return static_cast<double>(passes / config_.cluster.checkpoint_every) * one;
  }
  /// Rank 0 writes the centroids and the assignment of each K.
  [[nodiscard]] double write_results() const {
    const double bytes =
        centroids() / restarts() * dim_ * 4 + static_cast<double>(work_.clusters.size()) * work_.segments * 4;
    return 2 * static_cast<double>(work_.clusters.size()) * values_.file_write_seconds +
           bytes / values_.write_bytes_per_second;
  }

  const RunWork& work_;
  const Config& config_;
  const CalibrationValues& values_;
  const Calibration& calibration_;
  const Allocation& allocation_;
  double rows_;
  double dim_;
};

}  // namespace

KMeansOptions options_of_cost(const RunWork& work, const Config& config, const Allocation& allocation) {
  KMeansOptions options;
  options.clusters = work.clusters;
  options.restarts = config.cluster.restarts;
  options.threads = allocation.cpus_per_rank;
  if (config.cluster.init == ClusterConfig::Init::kmeans_parallel) {
    options.init = KMeansOptions::Init::kmeans_parallel;
  } else if (config.cluster.init != ClusterConfig::Init::kmeans_plus_plus) {
    options.init = KMeansOptions::Init::random;
  }
  if (config.cluster.mode == ClusterConfig::Mode::fast) options.mode = KMeansOptions::Mode::fast;
  if (config.cluster.algorithm == ClusterConfig::Algorithm::mini_batch) {
    options.algorithm = KMeansOptions::Algorithm::mini_batch;
  }
  return options;
}

std::int64_t rows_of_rank(const RunWork& work, const Allocation& allocation) {
  const auto rows = static_cast<std::int64_t>(std::ceil(work.segments));
  return (rows + allocation.ranks() - 1) / allocation.ranks();
}

std::int64_t state_of_kmeans(const RunWork& work, const Config& config, const Calibration& calibration,
                             const Allocation& allocation) {
  const KMeansOptions options = options_of_cost(work, config, allocation);
  return kmeans_bytes_per_row(options) * rows_of_rank(work, allocation) +
         kmeans_bytes_of_centroids(options, calibration.shape.descriptor_dim);
}

ClusterCost cost_of_clusters(const RunWork& work, const Config& config, const Calibration& calibration,
                             const Allocation& allocation) {
  return KMeansCost(work, config, calibration, allocation).cost();
}

}  // namespace datus
