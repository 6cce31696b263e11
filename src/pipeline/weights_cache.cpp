// SPDX-License-Identifier: Apache-2.0
#include "datus/pipeline/weights_cache.hpp"

#include "datus/core/environment.hpp"
#include "datus/core/error.hpp"
#include "datus/core/log.hpp"
#include "datus/core/stop_signals.hpp"
#include "datus/core/text.hpp"
#include "datus/io/atomic_file.hpp"
#include "datus/io/download.hpp"
#include "pipeline/session/progress.hpp"

#include <atomic>
#include <cstdint>
#include <system_error>

namespace datus {
namespace {

namespace fs = std::filesystem;

/// Sizes of known weights are what their parameters take: entries beside them may make a file a little larger.
constexpr double size_tolerance = 0.1;

std::string mirror() {
  std::string text = environment_variable("DATUS_WEIGHTS_MIRROR");
  while (text.ends_with('/')) text.pop_back();
  return text;
}

fs::path record_of(fs::path file) {
  return file += ".sha256";
}

std::string progress_words(std::int64_t done, std::int64_t total) {
  return size_text(done) + (total > 0 ? " of " + size_text(total) : std::string());
}

}  // namespace

KnownWeights known_weights_of(const std::string& name) {
  if (auto weights = find_known_weights(name)) return *weights;
  std::string names;
  for (const KnownWeights& weights : known_weights()) names += (names.empty() ? "" : ", ") + weights.name;
  throw UsageError("There are no weights of the name " + name, "known are " + names,
                   "Other weights are given by their file: model.weights: FILE.");
}

std::string weights_address(const KnownWeights& weights) {
  const std::string own = mirror();
  if (own.empty()) return weights.url;
  const auto host = weights.url.find("//") + 2;
  return own + weights.url.substr(weights.url.find('/', host));
}

fs::path verified_weights(const KnownWeights& weights) {
  const fs::path file = weights_file(weights);
  std::error_code unknown;
  if (!fs::exists(file, unknown)) {
    throw InputError(
        "The weights " + weights.name + " are not on this machine", "there is no " + file.string(),
        "Fetch them where there is a network, for example on a login node: datus weights get " + weights.name);
  }
  const std::string hash = sha256_of_file(file);
  const auto record = text_of_file(record_of(file));
  if (!record) {
    write_text_atomically(record_of(file), hash + "  " + file.filename().string() + "\n");
  } else if (!record->starts_with(hash)) {
    throw InputError("The weights " + file.string() + " are not those that were fetched",
                     "their SHA-256 is " + hash + ", and not the one in " + record_of(file).string(),
                     "Remove both files and fetch them again: datus weights get " + weights.name);
  }
  return file;
}

fs::path fetch_weights(const KnownWeights& weights) {
  const fs::path file = weights_file(weights);
  std::error_code unknown;
  if (fs::exists(file, unknown)) return verified_weights(weights);
  constexpr double bytes_of_megabyte = 1e6;
  const double bytes = weights.megabytes * bytes_of_megabyte;
  const StopSignals signals;
  std::atomic<std::int64_t> done{0};
  std::atomic<std::int64_t> total{0};
  log::info("From " + weights_address(weights));
  {
    const Progress progress(weights.name, false, [&] { return progress_words(done, total); });
    download({.url = weights_address(weights),
              .file = file,
              .smallest = static_cast<std::int64_t>(bytes * (1 - size_tolerance)),
              .largest = static_cast<std::int64_t>(bytes * (1 + size_tolerance)),
              .progress = [&](std::int64_t bytes_done, std::int64_t bytes_total) {
                done = bytes_done;
                total = bytes_total;
                return signals.requested();
              }});
  }
  return verified_weights(weights);
}

}  // namespace datus
