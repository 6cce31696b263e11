// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/cuda/stream.hpp"
#include "datus/core/gpu.hpp"
#include "datus/core/parallel.hpp"

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

namespace datus::bench {

/// The exit code by which a test or benchmark says that it was skipped.
inline constexpr int skipped = 77;

/// Milliseconds between two points of a stream, by the clock of the GPU.
class StreamTimer {
 public:
  StreamTimer() {
    cuda::check(cudaEventCreate(&begin_), "an event");
    cuda::check(cudaEventCreate(&end_), "an event");
  }
  ~StreamTimer() {
    cuda::check_in_destructor(cudaEventDestroy(begin_), "to give an event back");
    cuda::check_in_destructor(cudaEventDestroy(end_), "to give an event back");
  }
  StreamTimer(const StreamTimer&) = delete;
  StreamTimer& operator=(const StreamTimer&) = delete;
  StreamTimer(StreamTimer&&) = delete;
  StreamTimer& operator=(StreamTimer&&) = delete;

  /// What `work` puts into the stream; waits for it.
  template <class Work>
  double milliseconds(const cuda::Stream& stream, const Work& work) {
    cuda::check(cudaEventRecord(begin_, stream.get()), "to record an event");
    work();
    cuda::check(cudaEventRecord(end_, stream.get()), "to record an event");
    cuda::check(cudaEventSynchronize(end_), "the work between two events");
    float milliseconds = 0.0F;
    cuda::check(cudaEventElapsedTime(&milliseconds, begin_, end_), "the time between two events");
    return static_cast<double>(milliseconds);
  }

 private:
  cudaEvent_t begin_ = nullptr;
  cudaEvent_t end_ = nullptr;
};

inline double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

/// Names the card that is measured, or says that there is none and returns false.
inline bool has_card(const char* program) {
  const GpuSurvey survey = survey_gpus();
  if (survey.gpus.empty()) {
    std::fprintf(stderr, "%s: skipped, it needs a GPU: %s\n", program, survey.problem.c_str());
    return false;
  }
  std::printf("card: %s, %s\n", survey.gpus.front().name.c_str(), survey.versions.c_str());
  return true;
}

/// A program that calls measure(case, rounds, threads, whether as JSON) for each of its cases.
template <class Cases, class Measure>
int measure_cases(const char* program, const std::string& what, int argc, char** argv, const Cases& cases,
                  Measure measure) {
  CLI::App app(what);
  int rounds = 31;
  int threads = available_cores();
  app.add_option("--rounds", rounds, "Repeats of each measurement")->check(CLI::PositiveNumber);
  app.add_option("--threads", threads, "Threads of the host, for the whole way")->check(CLI::PositiveNumber);
  bool json = false;
  app.add_flag("--json", json, "One line of JSON for each case");
  CLI11_PARSE(app, argc, argv);
  if (!has_card(program)) return skipped;
  for (const auto& one : cases) measure(one, rounds, threads, json);
  return 0;
}

}  // namespace datus::bench
