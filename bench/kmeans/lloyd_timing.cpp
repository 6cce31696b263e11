// SPDX-License-Identifier: Apache-2.0
#include "kmeans/lloyd_timing.hpp"

#include "datus/core/error.hpp"

#include <chrono>
#include <cstddef>
#include <string>

namespace datus::bench {
namespace {

using Clock = std::chrono::steady_clock;

/// Rows that note when they are visited.
class WatchedRows final : public KMeansRows {
 public:
  explicit WatchedRows(const KMeansRows& rows) : rows_(rows) {}
  [[nodiscard]] Clock::time_point last_visit() const { return last_visit_; }

  [[nodiscard]] std::int64_t first() const override { return rows_.first(); }
  [[nodiscard]] std::int64_t count() const override { return rows_.count(); }
  [[nodiscard]] int dim() const override { return rows_.dim(); }
  void visit(std::span<const RowRange> ranges, int threads, const RowBlockBody& body) const override {
    last_visit_ = Clock::now();
    rows_.visit(ranges, threads, body);
  }

 private:
  const KMeansRows& rows_;
  mutable Clock::time_point last_visit_;
};

/// A pass over the local rows: when it began, and how many allreduces there had been before its own.
struct Stamp {
  Clock::time_point begin;
  std::size_t reductions;
};

KMeansOptions options_of(const LloydSettings& settings) {
  KMeansOptions options;
  options.clusters = settings.clusters;
  options.init = KMeansOptions::Init::random;
  options.max_iterations = settings.iterations;
  options.tolerance = 0.0;
  options.threads = settings.threads;
  options.path = settings.path;
  options.mode = settings.mode;
  return options;
}

/// COLLECTIVE. A state of these rows and settings: first centroids can be given for one K only, but a state may hold
/// those of many. It is that of a run which is stopped at once, and warms the caches up.
KMeansState any_state(const KMeansRows& rows, KMeansOptions options, Communicator& comm) {
  KMeansState state;
  options.stop_requested = [] { return true; };
  options.save = [&](const KMeansState& stopped) { state = stopped; };
  try {
    (void)kmeans(rows, options, {}, comm);
  } catch (const AgreedError& error) {
    if (error.exit_code() != ExitCode::interrupted) throw;
  }
  return state;
}

void begin_with(std::span<const float> first, int dim, KMeansState& state) {
  for (KMeansPair& pair : state.pairs) {
    const std::size_t size = static_cast<std::size_t>(pair.clusters) * static_cast<std::size_t>(dim);
    KMeansPair fresh;
    fresh.clusters = pair.clusters;
    fresh.restart = pair.restart;
    fresh.phase = KMeansPhase::iterating;
    fresh.centroids.assign(first.begin(), first.begin() + static_cast<std::ptrdiff_t>(size));
    first = first.subspan(size);
    pair = fresh;
  }
}

void require_iterations(const LloydTiming& timing, int iterations) {
  for (const KMeansResult& result : timing.results) {
    const std::size_t done = result.inertia.size();
    if (!result.converged && done == static_cast<std::size_t>(iterations)) continue;
    throw UsageError(
        "K = " + std::to_string(result.clusters) + " converged after " + std::to_string(done) + " iterations",
        std::to_string(iterations) + " were to be timed, and no row at rest", "Ask for fewer, or take other rows.");
  }
}

}  // namespace

LloydTiming time_lloyd(const KMeansRows& rows, const LloydSettings& settings, std::span<const float> first,
                       Communicator& comm) {
  KMeansOptions options = options_of(settings);
  KMeansState state = any_state(rows, options, comm);
  begin_with(first, rows.dim(), state);
  options.resume = &state;
  const WatchedRows watched(rows);
  CountingCommunicator counting(comm);
  std::vector<Stamp> stamps;
  options.stop_requested = [&] {
    stamps.push_back({watched.last_visit(), counting.reductions().size()});
    return false;
  };
  LloydTiming timing;
  timing.results = kmeans(watched, options, {}, counting);
  require_iterations(timing, settings.iterations);
  // The last pass only assigns the rows to the final centroids.
  for (std::size_t i = 0; i + 1 < stamps.size(); ++i) {
    timing.seconds.push_back(std::chrono::duration<double>(stamps[i + 1].begin - stamps[i].begin).count());
    CountingCommunicator::Reduction sum;
    for (std::size_t r = stamps[i].reductions; r < stamps[i + 1].reductions; ++r) {
      sum.bytes += counting.reductions()[r].bytes;
      sum.seconds += counting.reductions()[r].seconds;
    }
    timing.reductions.push_back(sum);
  }
  if (timing.seconds.size() != static_cast<std::size_t>(settings.iterations)) {
    throw SystemError(
        "k-means made " + std::to_string(stamps.size()) + " passes",
        "one for each of " + std::to_string(settings.iterations) + " iterations and one at the end are due",
        "Bring this benchmark in line with the library.");
  }
  return timing;
}

std::int64_t bytes_per_iteration(std::span<const int> clusters, int dim) {
  std::int64_t values = 1;
  for (const std::int64_t k : clusters) values += 2 + k * dim + 2 * k;
  return values * static_cast<std::int64_t>(sizeof(std::int64_t));
}

}  // namespace datus::bench
