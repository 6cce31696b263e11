// SPDX-License-Identifier: Apache-2.0
#include "pipeline/preflight/node_checks.hpp"

#include "datus/comm/device_communicator.hpp"
#include "datus/comm/gpu_choice.hpp"
#include "datus/core/environment.hpp"
#include "datus/core/hash.hpp"
#include "datus/core/job_identity.hpp"
#include "datus/core/text.hpp"
#include "datus/io/atomic_file.hpp"
#include "datus/model/backend.hpp"
#include "datus/model/model_files.hpp"
#include "pipeline/inputs/plain_images.hpp"

#include <algorithm>
#include <exception>
#include <system_error>
#include <thread>

namespace datus::preflight_detail {
namespace {

namespace fs = std::filesystem;

/// Adds the hash of a file, or of what `compute` takes it for, to what must be the same.
void share_hash(RankFacts& facts, const std::string& what, const fs::path& file, const std::string& advice,
                Hash (*compute)(const fs::path&) = hash_file) {
  attempt(facts, [&] { facts.shared.push_back({what, "hash " + compute(file).hex(), advice}); });
}

/// Opens the first of `files` that can be opened; throws what the very first said when none of a few can.
void require_openable(const std::vector<fs::path>& files) {
  constexpr std::size_t enough = 8;
  std::exception_ptr first;
  for (std::size_t i = 0; i < std::min(enough, files.size()); ++i) {
    try {
      (void)hash_file(files[i]);
      return;
    } catch (const Error&) {
      if (!first) first = std::current_exception();
    }
  }
  if (first) std::rethrow_exception(first);
}

std::string description_of(const Dataset& dataset) {
  Hasher names;
  for (const DatasetItem& item : dataset.items()) names.add(item.name).add(item.truth_name);
  return std::to_string(dataset.items().size()) + " images, names " + names.finish().hex();
}

}  // namespace

std::string node_name() {
  std::string name = environment_variable("SLURMD_NODENAME");
  return name.empty() ? this_process().host : name;
}

void attempt(RankFacts& facts, const std::function<void()>& check) {
  try {
    check();
  } catch (const Error& error) {
    facts.problems.push_back({error.exit_code(), error.what()});
  } catch (const std::exception& error) {
    facts.problems.push_back({ExitCode::failure, error.what()});
  }
}

void check_card(const Communicator& comm, const GpuSurvey& survey, bool may_share, RankFacts& facts) {
  attempt(facts, [&] {
    const GpuChoice choice = choose_gpu(comm, survey, may_share);
    const Gpu& gpu = required_gpu(choice, "the configuration");
    facts.card = {.name = gpu.name, .uuid = gpu.uuid, .slot = rank_card(gpu, facts.node).slot, .shareable = may_share};
    facts.shared.push_back({"NCCL is", nccl_version(), "Load the same version of NCCL on all nodes."});
  });
}

void check_program(RankFacts& facts) {
  const fs::path self = "/proc/self/exe";
  std::error_code unknown;
  const std::string path = fs::read_symlink(self, unknown).string();
  share_hash(facts, "the program is", self, "Install the same build on all nodes: " + path);
  // Loads it, which may fail.
  attempt(facts, [&] {
    const fs::path library = transformer_library_file();
    share_hash(facts, "the library with LibTorch is", library,
               "Install the same build on all nodes: " + library.string());
  });
}

void check_weights(const Config& config, RankFacts& facts) {
  const auto share = [&](const std::string& what, const std::optional<fs::path>& file) {
    if (!file) return;
    share_hash(facts, what, *file, "Copy the same file, and what lies beside it, to all nodes: " + file->string(),
               hash_model_files);
  };
  share("the weights are", config.model.weights);
  share("the weights for descriptors are", config.descriptor.weights);
}

void check_dataset(const DatasetConfig& config, RankFacts& facts) {
  attempt(facts, [&] {
    const auto dataset = open_configured_dataset(config);
    facts.shared.push_back({"the images are", description_of(*dataset),
                            "Give all nodes the same files: " + config.images.value_or("").string()});
    std::vector<fs::path> images;
    std::vector<fs::path> truth;
    for (const DatasetItem& item : dataset->items()) {
      images.push_back(item.image);
      if (dataset->has_truth()) truth.push_back(item.truth);
    }
    require_openable(images);
    require_openable(truth);
  });
}

fs::path nearest_folder(const fs::path& folder) {
  fs::path nearest = fs::absolute(folder).lexically_normal();
  std::error_code unknown;
  while (!fs::exists(fs::symlink_status(nearest, unknown)) && nearest.has_relative_path()) {
    nearest = nearest.parent_path();
  }
  if (fs::is_directory(nearest, unknown)) return nearest;
  throw UsageError("the run directory " + folder.string() + " cannot be used",
                   nearest.string() + " is no folder" + (unknown ? ": " + unknown.message() : std::string()),
                   "Choose another one with --run or run.directory.");
}

std::string token_name(const std::string& writer) {
  return ".datus-preflight.tmp-" + writer;
}

TokenFile::TokenFile(const fs::path& folder, const std::string& writer) : path_(folder / token_name(writer)) {
  write_text_atomically(path_, writer);
}

TokenFile::~TokenFile() {
  std::error_code ignored;
  fs::remove(path_, ignored);
}

void TokenFile::remove() {
  std::error_code problem;
  fs::remove(path_, problem);
  if (problem) {
    throw SystemError("Cannot remove " + path_.string(), problem.message(),
                      "Check owner and permissions of the folder.");
  }
}

bool token_appears(const fs::path& run, const std::string& writer, std::chrono::milliseconds patience) {
  constexpr std::chrono::milliseconds pause(100);
  const auto end = std::chrono::steady_clock::now() + patience;
  while (true) {
    const fs::path folder = nearest_folder(run);
    // Opening the folder makes NFS ask the server anew, where a name may be looked up in memory.
    std::error_code ignored;
    const fs::directory_iterator opened(folder, ignored);
    if (text_of_file(folder / token_name(writer)) == writer) return true;
    if (std::chrono::steady_clock::now() >= end) return false;
    std::this_thread::sleep_for(pause);
  }
}

}  // namespace datus::preflight_detail
