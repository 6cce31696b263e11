// SPDX-License-Identifier: Apache-2.0
// Forward passes of Vision Transformers, in turns with their matrix products alone (LibTorch's and OpenBLAS's), one
// image per thread. The rate of a pass counts the operations of the matrix products only, so that the rates can be
// compared.

#include "datus/core/error.hpp"
#include "datus/core/parallel.hpp"
#include "datus/model/backend.hpp"
#include "program.hpp"
#include "vit/gemm_set.hpp"
#include "vit/part_times.hpp"
#include "vit/random_vit.hpp"
#include "vit/timing.hpp"
#include "vit/vit_shape.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

namespace datus::bench {
namespace {

struct Settings {
  std::vector<std::string> models{"S/16", "S/8", "B/8"};
  std::vector<int> threads{1, 2};
  int side = 224;
  int rounds = 7;
  bool parts = true;
  std::string smoke;
};

/// Durations of all rounds; a product's stand in the order of `products_of`.
struct Rounds {
  std::vector<Duration> forward;
  std::vector<std::vector<Duration>> torch, openblas;
};

/// Which of the two clocks.
using Clock = double Duration::*;

Duration sum(const std::vector<Duration>& durations) {
  Duration total;
  for (const Duration& duration : durations) total += duration;
  return total;
}

double median_of(const std::vector<std::vector<Duration>>& rounds, Clock clock) {
  std::vector<double> seconds;
  for (const auto& round : rounds) seconds.push_back(sum(round).*clock);
  return seconds.empty() ? INFINITY : median(seconds);
}

class ModelTiming {
 public:
  ModelTiming(const ViTShape& shape, int threads, const Settings& settings)
      : shape_(shape), threads_(threads), settings_(settings) {
    // A pass and its products should take at least some tenths of a second.
    constexpr double enough_flops = 4e10;
    images_ = std::max(1, static_cast<int>(std::lround(enough_flops / flops_of(shape))));
    if (!settings.smoke.empty()) images_ = 1;
  }

  void run() {
    const VisionTransformer model = make_random_vit(shape_, threads_);
    const GemmSet products(shape_, threads_);
    const std::vector<float> pixels(pixel_count(), 0.5F);
    const int batch = images_ * threads_;
    const auto forward = [&] { (void)model.forward(pixels, batch, shape_.side, shape_.side, {}); };
    forward();
    Rounds rounds;
    for (int round = 0; round < settings_.rounds; ++round) {
      if (round % 2 == 0) rounds.forward.push_back(duration_of(forward));
      rounds.torch.push_back(products.run(GemmLibrary::torch, images_));
      if (products.has(GemmLibrary::openblas)) {
        rounds.openblas.push_back(products.run(GemmLibrary::openblas, images_));
      }
      if (round % 2 != 0) rounds.forward.push_back(duration_of(forward));
    }
    print(rounds);
  }

 private:
  [[nodiscard]] std::size_t pixel_count() const {
    const auto side = static_cast<std::size_t>(shape_.side);
    return static_cast<std::size_t>(images_ * threads_) * 3 * side * side;
  }

  /// GFLOP/s of each thread.
  [[nodiscard]] double rate(double flops, double seconds, Clock clock) const {
    const int share = clock == &Duration::processor ? threads_ : 1;
    return 1e-9 * flops * images_ * share / seconds;
  }

  void print(const Rounds& rounds) const {
    (void)std::printf("%s at %d, %d thread%s: %lld tokens, %.2f GFLOP per image, %d images per thread, %d rounds\n",
                      shape_.name.c_str(), shape_.side, threads_, threads_ == 1 ? "" : "s",
                      static_cast<long long>(shape_.tokens()), 1e-9 * flops_of(shape_), images_, settings_.rounds);
    print_rates("processor time", rounds, &Duration::processor);
    print_rates("wall time", rounds, &Duration::wall);
    print_products(rounds);
    if (settings_.parts) print_parts(rounds);
    (void)std::fflush(stdout);
  }

  void print_rates(const char* title, const Rounds& rounds, Clock clock) const {
    const bool torch_wins = median_of(rounds.torch, clock) <= median_of(rounds.openblas, clock);
    const auto& better = torch_wins ? rounds.torch : rounds.openblas;
    std::vector<double> seconds;
    std::vector<double> ratios;
    for (std::size_t i = 0; i < rounds.forward.size(); ++i) {
      seconds.push_back(rounds.forward[i].*clock);
      ratios.push_back(sum(better[i]).*clock / seconds.back());
    }
    const double flops = flops_of(shape_);
    const auto [lowest, highest] = std::minmax_element(ratios.begin(), ratios.end());
    const double forward = rate(flops, median(seconds), clock);
    (void)std::printf(
        "  %-15s %8.2f images/s  GFLOP/s per thread: forward %6.1f, at::mm %6.1f, OpenBLAS %6.1f;  "
        "ratio to %s %.3f (%.3f to %.3f)\n",
        title, 1e9 * forward * threads_ / flops, forward, rate(flops, median_of(rounds.torch, clock), clock),
        rate(flops, median_of(rounds.openblas, clock), clock), torch_wins ? "at::mm" : "OpenBLAS", median(ratios),
        *lowest, *highest);
  }

  void print_products(const Rounds& rounds) const {
    const auto products = products_of(shape_);
    (void)std::printf("  plain products, GFLOP/s per thread and processor time (at::mm, OpenBLAS):\n");
    for (std::size_t p = 0; p < products.size(); ++p) {
      const auto rate_of = [&](const std::vector<std::vector<Duration>>& all) {
        std::vector<double> seconds;
        for (const auto& round : all) seconds.push_back(round[p].processor);
        return seconds.empty() ? 0.0 : rate(products[p].flops(), median(seconds), &Duration::processor);
      };
      (void)std::printf("    %-18s %4lld x %4lld x %4lld, %3lld times %7.1f %7.1f\n", products[p].part.c_str(),
                        static_cast<long long>(products[p].rows), static_cast<long long>(products[p].inner),
                        static_cast<long long>(products[p].columns), static_cast<long long>(products[p].count),
                        rate_of(rounds.torch), rate_of(rounds.openblas));
    }
  }

  void print_parts(const Rounds& rounds) const {
    std::vector<double> seconds;
    for (const Duration& duration : rounds.forward) seconds.push_back(duration.processor);
    const double whole = median(seconds) / images_;
    double rest = whole;
    (void)std::printf("  parts of a forward pass by themselves, share of its processor time and GFLOP/s:\n");
    for (const PartTime& part : time_parts(shape_, threads_, images_)) {
      rest -= part.duration.processor;
      (void)std::printf("    %-18s %5.1f %%", part.part.c_str(), 100 * part.duration.processor / whole);
      if (part.flops > 0) (void)std::printf(" %7.1f", 1e-9 * part.flops * threads_ / part.duration.processor);
      (void)std::printf("\n");
    }
    (void)std::printf("    %-18s %5.1f %%\n", "all else", 100 * rest / whole);
  }

  ViTShape shape_;
  int threads_;
  Settings settings_;
  int images_;
};

int run_program(int argc, char** argv) {
  Settings settings;
  CLI::App program("Times forward passes of Vision Transformers in turns with their matrix products alone.");
  program.add_option("--model", settings.models, "S/16, S/8, B/16, B/8 or PATCHxDIMxDEPTHxHEADS")
      ->capture_default_str();
  program.add_option("--threads", settings.threads, "one image on each; several numbers in turn")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  program.add_option("--size", settings.side, "side of the input in pixels")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  program.add_option("--rounds", settings.rounds, "of each measurement")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  program.add_flag("!--no-parts", settings.parts, "do not time the parts");
  program.add_option("--benchmark_min_time", settings.smoke, "a tiny model, whatever the value: to see that it works");
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
  if (!settings.smoke.empty()) {
    settings.models = {"8x32x2x2"};
    settings.side = 32;
    settings.rounds = 1;
  }
  (void)std::printf("%s, %d cores\n", torch_backend().c_str(), available_cores());
  for (const std::string& model : settings.models) {
    for (const int threads : settings.threads) {
      ModelTiming(parse_shape(model, settings.side), threads, settings).run();
    }
  }
  return 0;
}

}  // namespace
}  // namespace datus::bench

int main(int argc, char** argv) {
  return datus::bench::exit_code_of("bench_vit", &datus::bench::run_program, argc, argv);
}
