// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/config/config.hpp"
#include "datus/pipeline/run_directory.hpp"
#include "pipeline/files/checksums.hpp"
#include "pipeline/files/image_list.hpp"
#include "pipeline/files/provenance.hpp"
#include "pipeline/verify/verify_run.hpp"

#include <cstdint>
#include <exception>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace datus {

/// What `verify_run` knows and has found so far. Each part of the check takes the files that it is responsible for;
/// what nobody took in the end does not belong to the run.
class RunVerifier {
 public:
  using Kind = RunFinding::Kind;

  /// Lists all files below the run, through links too. A folder that cannot be read is a finding.
  explicit RunVerifier(RunDirectory directory);

  RunDirectory directory;
  bool is_done = false;                  ///< the run says that all of it is there
  std::optional<Config> config;          ///< none when config.yaml is damaged
  std::optional<ImageList> list;         ///< none when images.h5 is damaged
  std::optional<Provenance> provenance;  ///< with both of them
  std::int64_t shards = 0;               ///< of the list; without it as many as there are files
  RunVerification result;

  [[nodiscard]] std::string name_of(const std::filesystem::path& path) const;
  void add(Kind kind, const std::filesystem::path& path, std::string reason);
  /// A damaged file, from the exception that it caused: without the run's own path and without the advice.
  void add_damaged(const std::filesystem::path& path, const std::exception& error);
  void add_missing(const std::filesystem::path& path) { add(Kind::missing, path, "no such file"); }
  void count_fine(const std::string& kind) { ++result.fine[kind]; }

  /// This part of the check answers for the file.
  void take(const std::filesystem::path& path) { files_.erase(name_of(path)); }
  /// Names of the files below a folder (relative to the run) that nobody took, in byte order.
  [[nodiscard]] std::vector<std::string> left_below(const std::string& folder) const;
  [[nodiscard]] const std::set<std::string>& left() const { return files_; }

  /// Takes an HDF5 file of datus and checks its content, and that it is of that provenance and shard, as far as these
  /// are known.
  void check_hdf5(const std::filesystem::path& path, const std::string& kind,
                  const std::optional<StageProvenance>& wanted, std::optional<ShardIndex> shard = std::nullopt);
  /// Takes a file and compares its bytes. `by` says whose word it is, where that may be
  /// wrong too.
  void check_bytes(const Checksum& wanted, const std::string& kind, const std::string& by = {});

 private:
  void list_folder(const std::filesystem::path& folder, std::set<std::filesystem::path>& visited);

  std::set<std::string> files_;
};

/// Whether anything has this name, even a link to nowhere or what cannot be looked at.
[[nodiscard]] bool is_there(const std::filesystem::path& path);

/// What is there instead of a regular file; empty for one. Whatever opens a file asks this first: a pipe would wait.
[[nodiscard]] std::string problem_of_place(const std::filesystem::path& path);

/// The masks of one K, in every format.
void check_masks(RunVerifier& check, int k, bool is_configured);

}  // namespace datus
