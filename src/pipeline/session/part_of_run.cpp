// SPDX-License-Identifier: Apache-2.0
#include "pipeline/session/part_of_run.hpp"

#include "pipeline/inputs/plain_images.hpp"

#include <system_error>
#include <utility>

namespace datus {
namespace {

namespace fs = std::filesystem;

/// A run of its own in the same job, on images of another one.
std::unique_ptr<RunContext> context_of(const RunContext& whole, const Config& config, const fs::path& folder,
                                       std::shared_ptr<const Dataset> dataset, ImageList list) {
  RunInputs inputs = whole.provenance.inputs();
  inputs.set_images(list);
  return std::unique_ptr<RunContext>(new RunContext{.config = config,
                                                    .directory = RunDirectory(folder),
                                                    .comm = whole.comm,
                                                    .dataset = std::move(dataset),
                                                    .list = std::move(list),
                                                    .provenance = Provenance(config, std::move(inputs)),
                                                    .fitted = {},
                                                    .threads = whole.threads,
                                                    .placement = whole.placement,
                                                    .job = whole.job,
                                                    .signals = whole.signals,
                                                    .lock = {},
                                                    .events = {}});
}

}  // namespace

std::shared_ptr<const fs::path> folder_beside(const RunContext& run, const std::string& purpose) {
  const fs::path directory = fs::absolute(run.directory.beside(""));
  fs::path above = directory.parent_path();
  while (above.has_relative_path() && !fs::exists(above)) above = above.parent_path();
  // All ranks remove it: again where one came in between, or a file that was still being written.
  const auto remove = [](const fs::path* path) {
    std::error_code ignored;
    for (int attempt = 0; attempt < 3 && fs::exists(*path, ignored); ++attempt) fs::remove_all(*path, ignored);
    delete path;
  };
  const std::shared_ptr<const fs::path> folder(
      new fs::path(above / ("." + directory.filename().string() + "." + purpose + "-" + run.job.launch())), remove);
  on_root(run.comm, [&] {
    std::error_code problem;
    if (fs::create_directory(*folder, problem) || !problem) return;
    throw SystemError("Cannot make the folder " + folder->string(), problem.message(),
                      "Choose a writable place for the run with --run or run.directory.");
  });
  return folder;
}

std::unique_ptr<RunContext> part_of_run(const RunContext& whole, const fs::path& folder, std::int64_t count,
                                        int shard_size) {
  std::vector<std::int64_t> readable;
  for (std::int64_t i = 0; i < whole.list.size(); ++i) {
    if (whole.list.images[static_cast<std::size_t>(i)].is_readable()) readable.push_back(i);
  }
  if (readable.empty()) readable.push_back(0);
  ImageList list;
  list.shard_size = shard_size;
  std::vector<std::int64_t> images;
  for (std::int64_t i = 0; i < count; ++i) {
    images.push_back(readable[static_cast<std::size_t>(i * std::ssize(readable) / count)]);
    list.images.push_back(whole.list.images[static_cast<std::size_t>(images.back())]);
  }
  std::unique_ptr<Dataset> dataset;
  collectively(whole.comm, [&] {
    dataset = open_configured_dataset(whole.config.dataset);
    dataset->keep_only(images);
    for (const Stage stage : all_stages) fs::create_directories(RunDirectory(folder).folder(stage));
  });
  Config config = whole.config;
  config.dataset.shard_size = shard_size;
  return context_of(whole, config, folder, std::move(dataset), std::move(list));
}

std::unique_ptr<RunContext> run_with_settings(const RunContext& run, const Config& config) {
  return context_of(run, config, run.directory.root(), run.dataset, run.list);
}

}  // namespace datus
