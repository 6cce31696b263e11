// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/comm/communicator.hpp"
#include "datus/config/config.hpp"
#include "datus/core/gpu.hpp"
#include "pipeline/preflight/rank_facts.hpp"

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>

namespace datus::preflight_detail {

/// What the batch system calls this node; its host name where there is no batch system.
[[nodiscard]] std::string node_name();

/// Runs a check; what it throws becomes a problem of `facts`.
void attempt(RankFacts& facts, const std::function<void()>& check);

/// Finds the GPU of this rank among those of `survey`, which it must have. `may_share`: with other ranks of its node.
void check_card(const Communicator& comm, const GpuSurvey& survey, bool may_share, RankFacts& facts);

/// Hashes the running program.
void check_program(RankFacts& facts);

/// Hashes the files of weights that the configuration names.
void check_weights(const Config& config, RankFacts& facts);

/// Lists the data set and opens one image and one file of ground truth. Decodes none: a damaged image is no reason not
/// to start.
void check_dataset(const DatasetConfig& config, RankFacts& facts);

/// The folder, or the nearest one above it that exists. Throws `UsageError` when something else is in its place.
[[nodiscard]] std::filesystem::path nearest_folder(const std::filesystem::path& folder);

/// Name of the file that `writer` makes for a check. A job that is killed leaves it; the next one on the run removes
/// it.
[[nodiscard]] std::string token_name(const std::string& writer);

/// A small file, written, synced and, in the end, removed. Throws `SystemError` when the folder does not take it.
class TokenFile {
 public:
  TokenFile(const std::filesystem::path& folder, const std::string& writer);
  ~TokenFile();
  TokenFile(const TokenFile&) = delete;
  TokenFile& operator=(const TokenFile&) = delete;
  TokenFile(TokenFile&&) = delete;
  TokenFile& operator=(TokenFile&&) = delete;

  /// Throws `SystemError` when it cannot be removed.
  void remove();

 private:
  std::filesystem::path path_;
};

/// Whether the token of `writer` appears within `patience` in the folder that is nearest to `run`: network file systems
/// show new files and folders late. Throws as `nearest_folder` does.
[[nodiscard]] bool token_appears(const std::filesystem::path& run, const std::string& writer,
                                 std::chrono::milliseconds patience);

}  // namespace datus::preflight_detail
