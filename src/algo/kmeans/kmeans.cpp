// SPDX-License-Identifier: Apache-2.0
#include "datus/algo/kmeans.hpp"

#include "algo/kmeans/checks.hpp"
#include "algo/kmeans/engine.hpp"
#include "algo/kmeans/fit_pairs.hpp"
#include "algo/kmeans/float_mode.hpp"
#include "algo/kmeans/init.hpp"
#include "algo/kmeans/kernels.hpp"
#include "algo/kmeans/lloyd.hpp"
#include "algo/kmeans/mini_batch.hpp"
#include "algo/kmeans/prepared_rows.hpp"
#include "algo/kmeans/summary.hpp"
#include "algo/kmeans/update.hpp"
#include "datus/algo/kmeans_groups.hpp"
#include "datus/core/error.hpp"
#include "datus/core/log.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <utility>

namespace datus {
namespace {

using clustering::Context;
using clustering::RowSummary;
using clustering::WorkingPair;

/// Whether the pair of a place among all is to be worked on.
using Wanted = std::function<bool(std::size_t place)>;
/// Gets the pairs once all of them are done.
using Finish = std::function<void(const Context& context, KMeansState& state, std::span<WorkingPair> working)>;

/// COLLECTIVE. The scales of the fixed-point numbers; `InputError`s are agreed. `centroids`: relative to the origin.
clustering::FixedPointScales agree_on_scales(const RowSummary& summary, int dim, std::span<const double> centroids,
                                             Communicator& comm) {
  clustering::FixedPointScales scales;
  collectively(comm, [&] {
    double largest = 0.0;
    for (const double value : centroids) largest = std::max(largest, std::abs(value));
    scales = clustering::choose_scales(summary, dim, largest);
  });
  return scales;
}

/// Centroids [K, D] relative to the origin, and back: see `clustering::round_to_stored`.
std::vector<double> moved_by(std::span<const double> centroids, std::span<const double> origin, double sign) {
  std::vector<double> moved(centroids.begin(), centroids.end());
  for (std::size_t i = 0; i < moved.size() && !origin.empty(); ++i) moved[i] += sign * origin[i % origin.size()];
  return moved;
}

/// Whether a pair that starts with these is precise from the start.
bool starts_precise(const RowSummary& summary, std::span<const double> centroids) {
  return !summary.origin.empty() || !clustering::f32_holds(centroids);
}

/// COLLECTIVE. A rank with a GPU and one without would meet in different collectives.
void require_gpus_everywhere(const KMeansGpu* gpu, Communicator& comm) {
  std::array<std::int64_t, 1> without{gpu == nullptr ? 1 : 0};
  comm.allreduce(without, ReduceOp::sum);
  if (without[0] == 0 || without[0] == comm.size()) return;
  const UsageError error(
      "k-means was given a GPU on " + std::to_string(comm.size() - without[0]) + " of " + std::to_string(comm.size()) +
          " ranks",
      "the ranks add up their sums either in the memory of GPUs or in that of the host, all in the same way",
      "Give every rank a GPU, or none.");
  throw AgreedError(error.exit_code(), error.what());
}

/// COLLECTIVE. On options.gpu where there is one and it can. `precise`: some pair is.
std::unique_ptr<clustering::Engine> make_engine(const Context& context, const KMeansOptions& options, bool precise) {
  if (options.gpu == nullptr) return clustering::make_thread_engine(context);
  if (context.summary.is_precise || precise) {
    if (context.comm.rank() == 0) {
      log::info(
          "k-means computes in double precision, without the GPU: " +
          std::string(context.summary.is_precise ? "the rows are f64" : "the rows lie far from 0 for their spread"));
    }
    return clustering::make_thread_engine(context);
  }
  // Beside the labels of a pair those that a pass finds; beside a rank's sums those of all ranks.
  constexpr std::int64_t found = sizeof(std::int32_t);
  const std::int64_t of_rows = context.rows.count() * (kmeans_bytes_per_row(options) + found);
  const std::int64_t of_centroids = 2 * kmeans_bytes_of_centroids(options, context.rows.dim());
  return clustering::make_gpu_engine(context, *options.gpu, of_rows + of_centroids);
}

/// Whether a saved pair's arrays have the sizes of its phase.
bool is_sound(const KMeansPair& pair, int dim) {
  const auto width = static_cast<std::size_t>(dim);
  const std::size_t size = static_cast<std::size_t>(pair.clusters) * width;
  if (!pair.previous.empty() && pair.previous.size() != size) return false;
  const std::vector<std::int64_t>& weights = pair.mini_batch.weights;
  if (!weights.empty() && std::ssize(weights) != pair.clusters) return false;
  if (pair.phase != KMeansPhase::seeding) return pair.centroids.size() == size;
  return pair.centroids.size() < size && pair.centroids.size() % width == 0;
}

/// What can be gone on from: a state of the same rows and settings. Says on rank 0 why there is nothing.
const KMeansState* usable_state(const KMeansOptions& options, const KMeansState& fresh, int dim,
                                const Communicator& comm) {
  const KMeansState* saved = options.resume;
  if (saved == nullptr) return nullptr;
  std::string difference;
  if (saved->data != fresh.data) {
    difference = "other descriptors";
  } else if (saved->settings != fresh.settings) {
    difference = "other settings";
  } else if (!std::ranges::all_of(saved->pairs, [&](const KMeansPair& pair) { return is_sound(pair, dim); })) {
    difference = "another form";
  }
  if (difference.empty()) return saved;
  if (comm.rank() == 0) log::warning("k-means starts anew: its checkpoint is of " + difference);
  return nullptr;
}

/// The (K, restart) pairs that are `wanted`, by their place among all, at their start, or where an earlier state left
/// them.
KMeansState begin_state(const KMeansOptions& options, std::span<const double> given, int dim, const RowSummary& summary,
                        const Wanted& wanted, const Communicator& comm) {
  KMeansState state{summary.fingerprint(dim), clustering::pair_fingerprint(options, given, dim), {}};
  const KMeansState* saved = usable_state(options, state, dim, comm);
  std::size_t place = 0;
  for (const int clusters : options.clusters) {
    for (int restart = 0; restart < options.restarts; ++restart) {
      if (!wanted(place++)) continue;
      KMeansPair pair;
      pair.clusters = clusters;
      pair.restart = restart;
      pair.precise = starts_precise(summary, given);
      if (saved != nullptr) {
        const auto same = std::ranges::find_if(saved->pairs, [&](const KMeansPair& other) {
          return other.clusters == clusters && other.restart == restart;
        });
        if (same != saved->pairs.end()) pair = *same;
      }
      state.pairs.push_back(std::move(pair));
    }
  }
  return state;
}

/// K of each pair.
std::vector<int> clusters_in(const KMeansState& state) {
  std::vector<int> clusters;
  for (const KMeansPair& pair : state.pairs) clusters.push_back(pair.clusters);
  return clusters;
}

std::vector<KMeansPair*> pairs_in(KMeansPhase phase, KMeansState& state) {
  std::vector<KMeansPair*> pairs;
  for (KMeansPair& pair : state.pairs) {
    if (pair.phase == phase) pairs.push_back(&pair);
  }
  return pairs;
}

/// COLLECTIVE. From KMeansPhase::seeding to KMeansPhase::iterating.
void seed(const Context& context, clustering::Engine& engine, const KMeansOptions& options,
          std::span<const double> given, KMeansState& state) {
  const std::vector<KMeansPair*> pairs = pairs_in(KMeansPhase::seeding, state);
  if (pairs.empty()) return;
  switch (options.init) {
    case KMeansOptions::Init::kmeans_plus_plus:
      clustering::choose_by_distance(context, engine, options.seed, pairs);
      break;
    case KMeansOptions::Init::kmeans_parallel:
      clustering::choose_by_oversampling(context, options.seed, pairs);
      break;
    case KMeansOptions::Init::random:
      clustering::choose_random_rows(context, options.seed, pairs);
      break;
    case KMeansOptions::Init::given:
      pairs.front()->centroids.assign(given.begin(), given.end());
      pairs.front()->phase = KMeansPhase::iterating;
      break;
  }
}

/// COLLECTIVE. From KMeansPhase::iterating to KMeansPhase::done; `with_assignment`: with that of the best restarts.
std::vector<WorkingPair> iterate(const Context& context, std::unique_ptr<clustering::Engine>& engine,
                                 const KMeansOptions& options, KMeansState& state, bool with_assignment) {
  switch (options.algorithm) {
    case KMeansOptions::Algorithm::lloyd:
      break;
    case KMeansOptions::Algorithm::mini_batch:
      clustering::run_mini_batches(context, {options.seed, options.batch_size, options.epochs},
                                   pairs_in(KMeansPhase::iterating, state));
      break;
  }
  std::vector<WorkingPair> working;
  for (KMeansPair& pair : state.pairs) working.emplace_back(pair);
  // The rows' assignment is not part of the state: where a pair was done and may be the best, it is made again.
  std::vector<KMeansPair*> finished;
  if (with_assignment) finished = pairs_in(KMeansPhase::done, state);
  std::erase_if(finished, [&](const KMeansPair* pair) { return clustering::is_beaten(*pair, working); });
  for (KMeansPair* pair : finished) pair->phase = KMeansPhase::assigning;
  clustering::run_lloyd(context, engine, {options.max_iterations, options.tolerance}, working);
  return working;
}

/// `of_k`: the restarts of one K.
KMeansResult best_of(std::span<WorkingPair> of_k, const Context& context) {
  // The first of equals: the lowest restart.
  WorkingPair& best =
      *std::ranges::min_element(of_k, {}, [](const WorkingPair& working) { return working.pair->final_inertia; });
  KMeansPair& pair = *best.pair;
  KMeansResult result;
  result.clusters = pair.clusters;
  result.restart = pair.restart;
  result.origin = context.summary.origin;
  result.centroids = moved_by(pair.centroids, result.origin, 1.0);
  result.assignment = std::move(best.assignment);
  result.inertia = std::move(pair.inertia);
  result.final_inertia = pair.final_inertia;
  result.converged = pair.converged;
  result.repairs = pair.repairs;
  result.sum_scale_log2 = context.scales.sum_log2;
  result.inertia_scale_log2 = context.scales.inertia_log2;
  for (const WorkingPair& working : of_k) {
    result.restarts.push_back(moved_by(working.pair->centroids, result.origin, 1.0));
  }
  return result;
}

/// COLLECTIVE. See `kmeans`; `with_assignment`: as `iterate`.
void fit(const KMeansRows& rows, const KMeansOptions& options, std::span<const double> given, const Wanted& wanted,
         bool with_assignment, Communicator& comm, const Finish& finish) {
  const clustering::IeeeFloatMode ieee;
  require_gpus_everywhere(options.gpu, comm);
  require_same_everywhere(comm, clustering::fingerprint(options, given, rows.dim()), "The settings of k-means");
  collectively(comm, [&] { clustering::check_options(options, given, rows.dim()); });
  const clustering::Kernels kernels = clustering::kernels_of(options.path);
  const int most = std::ranges::max(options.clusters);
  const RowSummary summary = clustering::summarise_rows(rows, most, options.threads, kernels, comm);
  collectively(comm, [&] { clustering::check_cluster_count(options.clusters, summary.rows); });
  if (summary.distinct < most) clustering::throw_too_few_rows(summary.distinct, most);
  const std::vector<double> first = moved_by(given, summary.origin, -1.0);
  const clustering::FixedPointScales scales = agree_on_scales(summary, rows.dim(), first, comm);
  const clustering::PreparedRows prepared(rows, summary.origin, summary.is_precise, options.threads);
  KMeansState state = begin_state(options, first, rows.dim(), summary, wanted, comm);
  clustering::CheckpointSchedule progress(options, state);
  const Context context{prepared,        summary, scales,   kernels,
                        options.threads, comm,    progress, options.mode == KMeansOptions::Mode::fast};
  const bool precise = std::ranges::any_of(state.pairs, &KMeansPair::precise);
  std::unique_ptr<clustering::Engine> engine =
      make_engine(context, with_pairs_alone(options, clusters_in(state)), precise);
  seed(context, *engine, options, first, state);
  std::vector<WorkingPair> working = iterate(context, engine, options, state, with_assignment);
  finish(context, state, working);
}

}  // namespace

std::vector<KMeansResult> kmeans(const KMeansRows& rows, const KMeansOptions& options, std::span<const double> given,
                                 Communicator& comm) {
  std::vector<KMeansResult> results;
  const auto all = [](std::size_t) { return true; };
  fit(rows, options, given, all, true, comm, [&](const Context& context, KMeansState&, std::span<WorkingPair> working) {
    const auto restarts = static_cast<std::size_t>(options.restarts);
    for (std::size_t begin = 0; begin < working.size(); begin += restarts) {
      results.push_back(best_of(working.subspan(begin, restarts), context));
    }
  });
  return results;
}

KMeansState clustering::fit_pairs(const KMeansRows& rows, const KMeansOptions& options, std::span<const double> given,
                                  std::span<const std::size_t> places, Communicator& comm) {
  KMeansState done;
  const auto wanted = [&](std::size_t place) { return std::ranges::find(places, place) != places.end(); };
  fit(rows, options, given, wanted, false, comm,
      [&](const Context&, KMeansState& state, std::span<WorkingPair>) { done = std::move(state); });
  return done;
}

Assignment assign_rows(const KMeansRows& rows, std::span<const double> centroids, int clusters, int threads,
                       SimdPath path, Communicator& comm, const KMeansGpu* gpu) {
  const clustering::IeeeFloatMode ieee;
  KMeansOptions same;
  same.clusters = {clusters};
  same.init = KMeansOptions::Init::given;
  same.gpu = gpu;
  require_gpus_everywhere(gpu, comm);
  require_same_everywhere(comm, clustering::fingerprint(same, centroids, rows.dim()), "The centroids to assign to");
  collectively(comm, [&] {
    clustering::check_execution(threads, path, rows.dim(), gpu);
    clustering::check_centroids(centroids, clusters, rows.dim());
  });
  const clustering::Kernels kernels = clustering::kernels_of(path);
  const RowSummary summary = clustering::summarise_rows(rows, 0, threads, kernels, comm);
  KMeansPair pair;
  pair.clusters = clusters;
  pair.phase = KMeansPhase::assigning;
  pair.centroids = moved_by(centroids, summary.origin, -1.0);
  pair.precise = starts_precise(summary, centroids);
  const clustering::FixedPointScales scales = agree_on_scales(summary, rows.dim(), pair.centroids, comm);
  const clustering::PreparedRows prepared(rows, summary.origin, summary.is_precise, threads);
  std::vector<WorkingPair> working(1, WorkingPair(pair));
  clustering::CheckpointSchedule progress;
  const Context context{prepared, summary, scales, kernels, threads, comm, progress};
  std::unique_ptr<clustering::Engine> engine = make_engine(context, same, pair.precise);
  clustering::run_lloyd(context, engine, {}, working);
  return {std::move(working.front().assignment), pair.final_inertia};
}

}  // namespace datus
