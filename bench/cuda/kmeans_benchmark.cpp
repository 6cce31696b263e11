// SPDX-License-Identifier: Apache-2.0
// Time of one Lloyd iteration on a GPU, in exact and in fast mode, as the difference between runs of few and of many
// iterations: what comes before the first one is in both. The labels and centroids of the first run of each kind are
// compared with those of the processor, bit by bit. Exit code 77 where there is no card.

#include "cuda/requests.hpp"
#include "cuda/timing.hpp"
#include "datus/algo/kmeans.hpp"
#include "datus/comm/device_communicator.hpp"
#include "datus/comm/self_communicator.hpp"
#include "datus/core/error.hpp"
#include "datus/core/parallel.hpp"
#include "datus/core/types.hpp"
#include "kmeans/matrix.hpp"
#include "program.hpp"

#include <chrono>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <set>
#include <utility>

#include <CLI/CLI.hpp>

namespace datus::bench {
namespace {

using Clock = std::chrono::steady_clock;
using Json = nlohmann::json;

struct Settings {
  std::string data;
  std::int64_t rows = 0;
  int dim = 384;
  std::vector<int> clusters{27, 512};
  std::vector<std::string> modes{"exact", "fast"};
  /// Of the short and of the long run.
  int few = 5;
  int iterations = 55;
  int rounds = 5;
  int threads = available_cores();
  bool no_check = false;
  bool requests = false;
};

double milliseconds(Clock::time_point begin, Clock::time_point end) {
  return std::chrono::duration<double, std::milli>(end - begin).count();
}

/// A run from given centroids, and when it began each of its passes.
struct Run {
  double milliseconds = 0.0;
  std::vector<Clock::time_point> passes;
  KMeansResult result;
};

class Measurement {
 public:
  explicit Measurement(const Settings& settings)
      : settings_(settings),
        rows_(settings.data.empty() ? make_rows({0, settings.rows}, settings.dim)
                                    : read_values(settings.data, 0, settings.rows * settings.dim),
              settings.dim) {}

  /// One round: milliseconds per iteration. The first round of each case compares with the processor before.
  Json round(int clusters, const std::string& mode) {
    const bool is_new = seen_.insert({clusters, mode}).second;
    Json json{{"rows", settings_.rows}, {"dim", settings_.dim}, {"k", clusters}, {"mode", mode}};
    if (is_new) warm_up(clusters, mode, json);
    const Run few = run(clusters, mode, settings_.few, true);
    const Run many = run(clusters, mode, settings_.iterations, true);
    const std::size_t more = many.result.inertia.size() - few.result.inertia.size();
    if (more == 0) {
      throw UsageError("k-means with K = " + std::to_string(clusters) + " ends after " +
                           std::to_string(few.result.inertia.size()) + " iterations",
                       "no row moves any more", "Take rows that are harder to cluster, or a smaller --few.");
    }
    json["iterations"] = many.result.inertia.size();
    json["ms_per_iteration"] = (many.milliseconds - few.milliseconds) / static_cast<double>(more);
    // From the begin of one pass to that of the next, in the long run alone: the first of them brings the rows to the
    // card.
    json["ms_between_passes"] = milliseconds(many.passes[1], many.passes.back()) /
                                static_cast<double>(std::max<std::size_t>(many.passes.size(), 3) - 2);
    json["ms_all"] = many.milliseconds;
    return json;
  }

 private:
  /// Rows at equal distances.
  [[nodiscard]] std::vector<double> first_centroids(int clusters) const {
    std::vector<double> first;
    for (int i = 0; i < clusters; ++i) {
      const std::int64_t row = settings_.rows * i / clusters;
      rows_.visit(std::vector<RowRange>{{row, 1}}, 1, [&](std::size_t, const RowBlock& block) {
        first.insert(first.end(), block.values, block.values + settings_.dim);
      });
    }
    return first;
  }

  Run run(int clusters, const std::string& mode, int iterations, bool on_gpu) {
    const auto sums = make_staged_communicator(comm_);
    const KMeansGpu gpu{.index = 0, .collectives = sums.get(), .memory_bytes = 0};
    KMeansOptions options;
    options.clusters = {clusters};
    options.init = KMeansOptions::Init::given;
    options.mode = mode == "fast" ? KMeansOptions::Mode::fast : KMeansOptions::Mode::exact;
    options.max_iterations = iterations;
    options.tolerance = 0.0;
    options.threads = settings_.threads;
    if (on_gpu) options.gpu = &gpu;
    Run run;
    options.stop_requested = [&] {
      run.passes.push_back(Clock::now());
      return false;
    };
    const std::vector<double> first = first_centroids(clusters);
    const auto begin = Clock::now();
    run.result = std::move(kmeans(rows_, options, first, comm_).front());
    run.milliseconds = milliseconds(begin, Clock::now());
    return run;
  }

  void warm_up(int clusters, const std::string& mode, Json& json) {
    const Run gpu = run(clusters, mode, settings_.few, true);
    if (settings_.no_check) return;
    const Run cpu = run(clusters, mode, settings_.few, false);
    const auto& ours = gpu.result.centroids;
    const auto& theirs = cpu.result.centroids;
    const bool is_same = ours.size() == theirs.size() &&
                         std::memcmp(ours.data(), theirs.data(), ours.size() * sizeof(double)) == 0 &&
                         gpu.result.assignment == cpu.result.assignment;
    if (!is_same) {
      throw SystemError("The GPU finds other labels or centroids than the CPU",
                        "K = " + std::to_string(clusters) + ", " + mode + " mode", "Test the card.");
    }
    json["same_bits_as_cpu"] = true;
    if (cpu.passes.size() > 2) {
      json["cpu_ms_per_iteration"] =
          milliseconds(cpu.passes[1], cpu.passes.back()) / static_cast<double>(cpu.passes.size() - 2);
    }
  }

  const Settings& settings_;
  SelfCommunicator comm_;
  MemoryRows rows_;
  std::set<std::pair<int, std::string>> seen_;
};

void measure(Measurement& measurement, const Settings& settings, int clusters, const std::string& mode) {
  Json json;
  std::vector<double> quotients;
  std::vector<double> passes;
  for (int round = 0; round < settings.rounds; ++round) {
    Json found = measurement.round(clusters, mode);
    quotients.push_back(found["ms_per_iteration"].get<double>());
    passes.push_back(found["ms_between_passes"].get<double>());
    if (round == 0) json = std::move(found);
  }
  json["ms_per_iteration"] = median(quotients);
  json["ms_between_passes"] = median(passes);
  json["lowest"] = *std::ranges::min_element(quotients);
  json["highest"] = *std::ranges::max_element(quotients);
  print_line(json);
}

int run(int argc, char** argv) {
  CLI::App app("Milliseconds per Lloyd iteration on a GPU, medians of rounds; one line of JSON for each K and mode.");
  Settings settings;
  app.add_option("--data", settings.data, "Raw f32 file of the rows; made-up rows without");
  app.add_option("--rows", settings.rows, "Rows; 0: all of the file, or 1,000,000")->check(CLI::NonNegativeNumber);
  app.add_option("--dim", settings.dim, "Values of a row")->check(CLI::PositiveNumber);
  app.add_option("--k", settings.clusters, "Numbers of clusters, one after the other")->check(CLI::PositiveNumber);
  app.add_option("--mode", settings.modes, "exact, fast or both")->check(CLI::IsMember({"exact", "fast"}));
  app.add_option("--few", settings.few, "Iterations of the short run")->check(CLI::PositiveNumber);
  app.add_option("--iterations", settings.iterations, "Iterations of the long run")->check(CLI::PositiveNumber);
  app.add_option("--rounds", settings.rounds, "Repeats of each measurement")->check(CLI::PositiveNumber);
  app.add_option("--threads", settings.threads, "Threads of the host")->check(CLI::PositiveNumber);
  app.add_flag("--no-check", settings.no_check, "Do not compare with the processor");
  app.add_flag("--requests", settings.requests,
               "For each line of standard input, such as '27 exact', measure one round and print it as a line of JSON");
  CLI11_PARSE(app, argc, argv);
  if (settings.iterations <= settings.few) {
    throw UsageError("The long run is not longer than the short one", "see --few and --iterations", "Raise one.");
  }
  if (!has_card("bench_gpu_kmeans")) return skipped;
  if (settings.rows == 0) {
    const auto row_bytes = static_cast<std::uintmax_t>(settings.dim) * sizeof(float);
    settings.rows = settings.data.empty()
                        ? 1'000'000
                        : static_cast<std::int64_t>(std::filesystem::file_size(settings.data) / row_bytes);
  }
  Measurement measurement(settings);
  if (!settings.requests) {
    for (const int clusters : settings.clusters) {
      for (const std::string& mode : settings.modes) measure(measurement, settings, clusters, mode);
    }
    return 0;
  }
  answer_requests([&](std::istringstream& words) {
    int clusters = 0;
    std::string mode;
    if (!(words >> clusters >> mode) || clusters < 1 || (mode != "exact" && mode != "fast")) {
      throw UsageError("A request is no number of clusters with a mode", words.str(), "Write for example '27 exact'.");
    }
    return measurement.round(clusters, mode);
  });
  return 0;
}

}  // namespace
}  // namespace datus::bench

int main(int argc, char** argv) {
  return datus::bench::exit_code_of("bench_gpu_kmeans", &datus::bench::run, argc, argv);
}
