// SPDX-License-Identifier: Apache-2.0
// Iterations of k-means, and what the same threads of the same process can read and compute at best. Under mpirun the
// rows are shared among the ranks. bench/run_kmeans compares with other programs and writes the tables of
// docs/performance.md.

#include "datus/comm/rank_threads.hpp"
#include "datus/comm/run_distributed.hpp"
#include "datus/core/error.hpp"
#include "datus/core/types.hpp"
#include "kmeans/lloyd_timing.hpp"
#include "kmeans/machine_limits.hpp"
#include "kmeans/matrix.hpp"
#include "program.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <fstream>
#include <numeric>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

namespace datus::bench {
namespace {

using Json = nlohmann::json;

struct Case {
  std::int64_t rows = 0;
  int dim = 0;
  /// Computed together.
  std::vector<int> clusters;
};

struct Settings {
  std::vector<std::string> cases{"200000x384x27", "200000x384x512"};
  std::string data;
  std::string centroids;
  int iterations = 5;
  int threads = 0;
  std::string path = "best";
  std::string mode = "exact";
  bool no_limits = false;
  std::vector<std::int64_t> allreduce;
  int allreduce_repeats = 200;
  std::string json;
  std::string smoke;
};

[[noreturn]] void throw_no_case(const std::string& text) {
  throw UsageError("'" + text + "' is no case", "a case is ROWSxDIMxK, or ROWSxDIMxK+K+... for several K together",
                   "Write for example 200000x384x27.");
}

/// Takes a positive number off the front of the text, and the character `end` after it, if any.
std::int64_t take_number(const std::string& all, std::string_view& text, char end) {
  std::int64_t number = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || number < 1) throw_no_case(all);
  text.remove_prefix(static_cast<std::size_t>(stop - text.data()));
  if (!text.empty()) {
    if (text.front() != end) throw_no_case(all);
    text.remove_prefix(1);
  }
  return number;
}

Case parse_case(const std::string& text) {
  std::string_view rest = text;
  Case parsed;
  parsed.rows = take_number(text, rest, 'x');
  parsed.dim = checked_cast<int>(take_number(text, rest, 'x'), "D");
  if (rest.empty()) throw_no_case(text);
  while (!rest.empty()) parsed.clusters.push_back(checked_cast<int>(take_number(text, rest, '+'), "K"));
  return parsed;
}

SimdPath parse_path(const std::string& text) {
  if (text == "best") return best_simd_path();
  for (const SimdPath path : supported_simd_paths()) {
    if (text == name(path)) return path;
  }
  throw UsageError("'" + text + "' is no path of this CPU", "see --help", "Leave --path out for the best one.");
}

/// First centroids of all K: from the file, or rows at equal distances.
std::vector<float> first_centroids(const Case& measured, const Settings& settings) {
  const int clusters = std::accumulate(measured.clusters.begin(), measured.clusters.end(), 0);
  if (!settings.centroids.empty()) {
    return read_values(settings.centroids, 0, std::int64_t{clusters} * measured.dim);
  }
  std::vector<float> first;
  for (const int k : measured.clusters) {
    for (int i = 0; i < k; ++i) {
      const std::int64_t row = measured.rows * i / k;
      const auto values = settings.data.empty() ? make_rows({row, row + 1}, measured.dim)
                                                : read_values(settings.data, row * measured.dim, measured.dim);
      first.insert(first.end(), values.begin(), values.end());
    }
  }
  return first;
}

MemoryRows local_rows(const Case& measured, const Settings& settings, const Communicator& comm) {
  const Share share = share_of(measured.rows, comm);
  if (settings.data.empty()) return {make_rows(share, measured.dim), measured.dim, share.begin};
  return {read_values(settings.data, share.begin * measured.dim, share.size() * measured.dim), measured.dim,
          share.begin};
}

double mean(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

/// What the limits allow, and how near the measured rate comes.
Json judge(const Case& measured, const MachineLimits& limits, double rows_per_second) {
  constexpr int group = 16;
  double lanes = 0.0;
  for (const int k : measured.clusters) {
    const int filled_up = (k + group - 1) / group * group;
    lanes += filled_up;
  }
  const double row_bytes = static_cast<double>(sizeof(float)) * measured.dim;
  const double by_read = limits.read() / row_bytes;
  const double by_arithmetic = limits.multiply_adds / (lanes * measured.dim);
  return {{"rows_per_second", rows_per_second},
          {"read_bytes_per_second", rows_per_second * row_bytes},
          {"multiply_adds_per_second", rows_per_second * lanes * measured.dim},
          {"limit", by_read < by_arithmetic ? "read" : "arithmetic"},
          {"limit_rows_per_second", std::min(by_read, by_arithmetic)},
          {"share", rows_per_second / std::min(by_read, by_arithmetic)}};
}

Json describe(const Case& measured, const LloydTiming& timing) {
  Json json{
      {"rows", measured.rows}, {"dim", measured.dim}, {"clusters", measured.clusters}, {"seconds", timing.seconds}};
  json["allreduce"]["bytes_by_formula"] = bytes_per_iteration(measured.clusters, measured.dim);
  for (const auto& reduction : timing.reductions) {
    json["allreduce"]["bytes"].push_back(reduction.bytes);
    json["allreduce"]["seconds"].push_back(reduction.seconds);
  }
  for (const KMeansResult& result : timing.results) {
    json["inertia"].push_back(result.inertia);
    json["final_inertia"].push_back(result.final_inertia);
    json["repairs"].push_back(result.repairs);
  }
  json["mean_seconds"] = mean(timing.seconds);
  const std::span<const double> all(timing.seconds);
  json["later_seconds"] = mean(all.size() > 1 ? all.subspan(1) : all);
  return json;
}

void print_header() {
  (void)std::printf("%-28s %10s %10s %9s %9s %8s %22s\n", "case", "s/iter", "later", "Mrows/s", "GFMA/s", "GB/s",
                    "share of limit");
}

/// Rates are those of the mean iteration, the first one included.
void print(const std::string& name, const Json& json) {
  const Json& rates = json["mean"];
  const std::string share = rates.contains("share")
                                ? std::to_string(static_cast<int>(100.0 * rates["share"].get<double>() + 0.5)) +
                                      " % of " + rates["limit"].get<std::string>()
                                : "-";
  (void)std::printf("%-28s %10.5f %10.5f %9.3f %9.1f %8.2f %22s\n", name.c_str(), json["mean_seconds"].get<double>(),
                    json["later_seconds"].get<double>(), rates["rows_per_second"].get<double>() * 1e-6,
                    rates["multiply_adds_per_second"].get<double>() * 1e-9,
                    rates["read_bytes_per_second"].get<double>() * 1e-9, share.c_str());
  (void)std::fflush(stdout);
}

/// COLLECTIVE.
Json measure(const Case& measured, const Settings& settings, Communicator& comm) {
  const SimdPath path = parse_path(settings.path);
  const MemoryRows rows = local_rows(measured, settings, comm);
  const std::vector<float> first = first_centroids(measured, settings);
  // Ranks share the machine: the limits of one process say nothing then.
  const bool has_limits = comm.size() == 1 && !settings.no_limits;
  LimitSettings limit_settings{settings.threads, path};
  if (!settings.smoke.empty()) limit_settings = {settings.threads, path, std::size_t{1} << 16U, 0.001};
  MachineLimits limits;
  if (has_limits) limits = measure_limits(rows, limit_settings);
  const auto mode = settings.mode == "fast" ? KMeansOptions::Mode::fast : KMeansOptions::Mode::exact;
  const LloydTiming timing =
      time_lloyd(rows, {measured.clusters, settings.iterations, settings.threads, path, mode}, first, comm);
  if (has_limits) limits.take_in(measure_limits(rows, limit_settings));
  Json json = describe(measured, timing);
  for (const char* which : {"mean", "later"}) {
    const double seconds = json[std::string(which) + "_seconds"].get<double>();
    json[which] = judge(measured, limits, static_cast<double>(measured.rows) / seconds);
    if (!has_limits) {
      for (const char* key : {"limit", "limit_rows_per_second", "share"}) json[which].erase(key);
    }
  }
  if (has_limits) {
    json["limits"] = {
        {"memory_read", limits.memory_read}, {"rows_read", limits.rows_read}, {"multiply_adds", limits.multiply_adds}};
  }
  json["path"] = name(path);
  json["threads"] = settings.threads;
  json["ranks"] = comm.size();
  return json;
}

/// COLLECTIVE.
Json measure_allreduce(const Settings& settings, Communicator& comm) {
  Json list = Json::array();
  for (const std::int64_t bytes : settings.allreduce) {
    std::vector<double> seconds = time_allreduce(comm, bytes, settings.allreduce_repeats);
    std::ranges::sort(seconds);
    list.push_back({{"ranks", comm.size()},
                    {"bytes", bytes},
                    {"min_seconds", seconds.front()},
                    {"median_seconds", seconds[seconds.size() / 2]}});
    if (comm.rank() == 0) (void)std::printf("%s\n", list.back().dump().c_str());
  }
  return list;
}

void write(const Json& json, const std::string& file) {
  std::ofstream stream(file);
  stream << json.dump(1) << '\n';
  if (!stream.flush()) {
    throw SystemError("Cannot write '" + file + "'", "the system refused", "Name another place with --json.");
  }
}

ExitCode run(Settings settings, Communicator& comm) {
  if (!settings.smoke.empty()) {
    settings.cases = {"500x24x5", "500x24x5+6"};
    settings.iterations = 2;
  }
  if (settings.threads == 0) settings.threads = threads_per_rank(comm);
  Json json;
  json["allreduce"] = measure_allreduce(settings, comm);
  if (comm.rank() == 0 && settings.allreduce.empty()) print_header();
  for (const std::string& text : settings.cases) {
    if (!settings.allreduce.empty()) break;
    json["cases"].push_back(measure(parse_case(text), settings, comm));
    if (comm.rank() == 0) print(text, json["cases"].back());
  }
  if (comm.rank() == 0 && !settings.json.empty()) write(json, settings.json);
  return ExitCode::done;
}

int run_program(int argc, char** argv) {
  CLI::App program("Times iterations of exact k-means, and the limits of the machine beside them.");
  Settings settings;
  program.add_option("--case", settings.cases, "ROWSxDIMxK, or ROWSxDIMxK+K+... for several K over the same passes")
      ->capture_default_str();
  program.add_option("--data", settings.data, "raw f32 file whose first ROWS rows are used; made-up rows without");
  program.add_option("--centroids", settings.centroids, "raw f32 file of the first centroids, those of all K in turn");
  program.add_option("--iterations", settings.iterations, "from the first centroids on")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  program.add_option("--threads", settings.threads, "of each rank; 0: all cores")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  program.add_option("--path", settings.path, "best, avx512, avx2 or scalar")->capture_default_str();
  program.add_option("--mode", settings.mode, "exact or fast (the shares of the limits then mean nothing)")
      ->check(CLI::IsMember({"exact", "fast"}))
      ->capture_default_str();
  program.add_flag("--no-limits", settings.no_limits, "do not measure the machine");
  program.add_option("--allreduce", settings.allreduce, "time sums of so many bytes over all ranks, and nothing else")
      ->check(CLI::PositiveNumber);
  program.add_option("--allreduce-repeats", settings.allreduce_repeats, "of each size")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  program.add_option("--json", settings.json, "also write everything to this file");
  program.add_option("--benchmark_min_time", settings.smoke, "tiny cases, whatever the value: to see that it works");
  program.allow_extras();
  try {
    program.parse(argc, argv);
    for (const std::string& extra : program.remaining()) {
      // The options of the other benchmarks, which tools/bench hands to all of them.
      if (!extra.starts_with("--benchmark_")) throw CLI::ExtrasError({extra});
    }
  } catch (const CLI::ParseError& error) {
    return program.exit(error) == 0 ? 0 : static_cast<int>(ExitCode::usage);
  }
  return run_distributed(argc, argv, [&](Communicator& comm) { return run(settings, comm); });
}

}  // namespace
}  // namespace datus::bench

int main(int argc, char** argv) {
  return datus::bench::exit_code_of("bench_kmeans", &datus::bench::run_program, argc, argv);
}
