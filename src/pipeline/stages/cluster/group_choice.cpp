// SPDX-License-Identifier: Apache-2.0
#include "pipeline/stages/cluster/group_choice.hpp"

#include "datus/algo/kmeans_groups.hpp"
#include "datus/core/text.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <iterator>
#include <utility>

namespace datus {
namespace {

// Constants of docs/performance.md, "Groups of ranks", which says where they are from. Seconds.

/// A row against a value of a centroid, on one thread and on a GPU.
constexpr double product_on_thread = 16e-12;
constexpr double product_on_gpu = 2 / 50e12;
/// What each rank does in a pass itself for a value of a centroid, on one thread.
constexpr double own_value = 20e-9;
/// A pass on a GPU, whatever its size.
constexpr double launches = 20e-6;
/// A value of a row that is read again, and looked at in the first pass of a group.
constexpr double row_value = 5e-9;
constexpr double nccl_start = 1.0;
/// Most fits stop by themselves before.
constexpr double usual_passes = 50;
/// A model is not worth more.
constexpr double least_gain = 0.1;

/// An allreduce: seconds of a message and of a byte.
struct Network {
  double latency;
  double byte;
  bool in_steps;  ///< a latency for each of the steps of a tree
};
constexpr Network by_mpi{2e-6, 0.151e-9, true};
constexpr Network by_nccl_on_node{15e-6, 1 / 450e9, false};
constexpr Network by_nccl{50e-6, 1 / 50e9, false};

double allreduce_seconds(const Network& network, double bytes, int ranks) {
  if (ranks == 1) return 0;
  const int steps = network.in_steps ? 2 * static_cast<int>(std::bit_width(static_cast<unsigned>(ranks - 1))) : 1;
  return network.latency * steps + network.byte * bytes * 2 * (ranks - 1) / ranks;
}

/// One group of ranks with its pairs.
class GroupModel {
 public:
  GroupModel(const GroupProblem& problem, int ranks, std::vector<int> clusters)
      : problem_(problem), ranks_(ranks), clusters_(std::move(clusters)) {
    for (const int k : clusters_) values_ += static_cast<double>(k) * problem.dim;
  }

  [[nodiscard]] double products() const {
    const double rows = static_cast<double>(problem_.rows_of_pass) / ranks_;
    return rows * values_ *
           (problem_.on_gpus ? product_on_gpu : product_on_thread / static_cast<double>(problem_.threads));
  }

  /// Of a pass, beside its products.
  [[nodiscard]] double rest() const {
    double bytes = 8;
    for (const int k : clusters_) bytes += 8 * (2 + static_cast<double>(k) * problem_.dim + 2.0 * k);
    if (problem_.on_gpus) {
      const bool on_node = ranks_ <= problem_.ranks_per_node;
      return launches + allreduce_seconds(on_node ? by_nccl_on_node : by_nccl, bytes, ranks_);
    }
    return values_ * own_value + allreduce_seconds(by_mpi, bytes, ranks_);
  }

  /// What a pass for the next centroid of each pair takes beside its rows, which are the same work in any groups: the
  /// ranks agree on the draws' winners, on the lowest of equals, and on its values.
  [[nodiscard]] double seeding_pass() const {
    const auto pairs = static_cast<double>(clusters_.size());
    return 2 * allreduce_seconds(by_mpi, 8 * pairs, ranks_) +
           allreduce_seconds(by_mpi, 8 * pairs * problem_.dim, ranks_);
  }

  /// Its rows are read and looked at.
  [[nodiscard]] double start() const {
    return static_cast<double>(problem_.rows) / ranks_ * problem_.dim * row_value +
           (problem_.on_gpus && ranks_ > 1 ? nccl_start : 0);
  }

 private:
  const GroupProblem& problem_;
  int ranks_;
  std::vector<int> clusters_;
  double values_ = 0;
};

/// The ones that are not done.
std::vector<int> open_pairs(const GroupProblem& problem) {
  std::vector<int> open;
  std::ranges::copy_if(problem.clusters, std::back_inserter(open), [](int k) { return k > 0; });
  return open;
}

int most_groups(const GroupProblem& problem) {
  return static_cast<int>(std::min<std::int64_t>(problem.ranks, std::ssize(open_pairs(problem))));
}

std::string seconds_of(double seconds) {
  std::array<char, 32> text{};
  (void)std::snprintf(text.data(), text.size(), "%.2g s", seconds);
  return text.data();
}

std::string groups_text(const GroupProblem& problem, int groups) {
  const std::string pairs = counted(std::ssize(open_pairs(problem)), "pair") + " of K and restart";
  if (groups == 1) return "all ranks work on all " + pairs;
  return std::to_string(groups) + " groups of ranks share " + pairs;
}

}  // namespace

GroupProblem group_problem(const KMeansOptions& options, std::int64_t rows, int dim, int ranks) {
  GroupProblem problem;
  problem.rows = rows;
  problem.dim = dim;
  problem.ranks = ranks;
  problem.threads = options.threads;
  problem.clusters = clusters_of_pairs(options, {}, dim);
  problem.rows_of_pass = rows;
  problem.passes = std::min<double>(options.max_iterations, usual_passes);
  if (options.algorithm == KMeansOptions::Algorithm::mini_batch) {
    problem.rows_of_pass = std::min(rows, options.batch_size);
    const double batches = std::ceil(static_cast<double>(rows) / static_cast<double>(options.batch_size));
    problem.passes = std::min(options.epochs * batches, 2 * usual_passes);
  }
  if (options.init == KMeansOptions::Init::kmeans_plus_plus) {
    problem.seeding_passes = std::ranges::max(options.clusters);
  }
  return problem;
}

GroupTime modelled_time(const GroupProblem& problem, int groups) {
  const auto places = pairs_of_groups(problem.clusters, problem.ranks, groups);
  const auto seconds = [&](const GroupTime& time) { return problem.passes * (time.products + time.rest) + time.once; };
  GroupTime slowest;
  for (int group = 0; group < groups; ++group) {
    std::vector<int> clusters;
    for (const std::size_t place : places[static_cast<std::size_t>(group)]) {
      if (problem.clusters[place] > 0) clusters.push_back(problem.clusters[place]);
    }
    const GroupModel model(problem, ranks_of_group(group, problem.ranks, groups), std::move(clusters));
    const double once = problem.seeding_passes * model.seeding_pass() + (groups > 1 ? model.start() : 0);
    const GroupTime time{model.products(), model.rest(), once};
    if (seconds(time) > seconds(slowest)) slowest = time;
  }
  if (groups == 1) return slowest;
  // In the end all ranks together assign the rows to the best centroids.
  GroupProblem together = problem;
  together.rows_of_pass = problem.rows;
  const GroupModel all(together, problem.ranks, open_pairs(problem));
  slowest.once += all.products() + all.rest();
  return slowest;
}

double modelled_seconds(const GroupProblem& problem, int groups) {
  const GroupTime time = modelled_time(problem, groups);
  return problem.passes * (time.products + time.rest) + time.once;
}

GroupChoice choose_groups(const GroupProblem& problem, const std::function<bool(int groups)>& fits) {
  const double alone = modelled_seconds(problem, 1);
  int best = 1;
  double best_seconds = alone;
  int fastest = 2;
  for (int groups = 2; groups <= most_groups(problem); ++groups) {
    const double seconds = modelled_seconds(problem, groups);
    if (seconds < modelled_seconds(problem, fastest)) fastest = groups;
    if (seconds < best_seconds && seconds <= (1 - least_gain) * alone && fits(groups)) {
      best = groups;
      best_seconds = seconds;
    }
  }
  if (best > 1) {
    return {best, groups_text(problem, best) + ": " + seconds_of(best_seconds) + " by the model, " + seconds_of(alone) +
                      " in one"};
  }
  const std::string all = groups_text(problem, 1) + ": " + seconds_of(alone) + " by the model, ";
  if (most_groups(problem) < 2) return {1, groups_text(problem, 1)};
  const double seconds = modelled_seconds(problem, fastest);
  const std::string others = seconds_of(seconds) + " in " + std::to_string(fastest) + " groups";
  const bool is_faster = seconds <= (1 - least_gain) * alone;
  return {1, all + others + (is_faster ? ", whose rows do not fit into memory (cluster.memory)" : "")};
}

GroupChoice asked_groups(const GroupProblem& problem, int groups) {
  const int possible = std::max(1, std::min(groups, most_groups(problem)));
  std::string why = groups_text(problem, possible) + ": cluster.groups asks for " + std::to_string(groups);
  if (possible < groups) why += ", but more would be without ranks or pairs";
  return {possible, why};
}

}  // namespace datus
