// SPDX-License-Identifier: Apache-2.0
#include "pipeline/shards/dataset_mean.hpp"

#include "datus/core/error.hpp"
#include "datus/core/log.hpp"
#include "pipeline/files/image_contents.hpp"
#include "pipeline/files/key_mean.hpp"
#include "pipeline/files/keys_file.hpp"
#include "pipeline/files/verified_file.hpp"
#include "pipeline/session/progress.hpp"

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <utility>

namespace datus {
namespace {

/// COLLECTIVE. What the mean is made from: the embeddings' record, and the contents of the images that could be read.
StageProvenance record_of_mean(const RunContext& run) {
  const StageProvenance extract = run.provenance.of(Stage::extract);
  const Share mine = share_of(run.list.shards(), run.comm);
  std::string contents;
  collectively(run.comm, [&] {
    for (std::int64_t shard = mine.begin; shard < mine.end; ++shard) {
      const auto images = image_contents(run.directory, run.list, {shard});
      if (!images) continue;
      for (const auto& [image, content] : images->hex) contents += std::to_string(image) + " " + content + " ";
    }
  });
  Hasher hasher;
  for (const auto& bytes : allgather(run.comm, std::as_bytes(std::span(contents)))) hasher.add_bytes(bytes);
  return {.stage = "mean",
          .parts = {{"code", "1"}, {"input", extract.hash().hex()}, {"images", hasher.finish().hex()}}};
}

/// COLLECTIVE. From the keys files of the run.
KeyMean mean_of_run(const RunContext& run) {
  const Share mine = share_of(run.list.shards(), run.comm);
  const StageProvenance wanted = run.provenance.of(Stage::extract);
  Progress progress("the mean embedding", mine.size() * run.list.shard_size, run.comm.rank() != 0);
  KeySums sums;
  collectively(run.comm, [&] {
    for (std::int64_t shard = mine.begin; shard < mine.end; ++shard) {
      sums.add(read_keys(run.directory.keys({shard}), wanted.of_shard({shard})), run.threads);
      progress.add(static_cast<double>(run.list.shard_size));
    }
  });
  sums.allreduce(run.comm);
  return sums.mean();
}

/// COLLECTIVE. Rank 0's on all ranks.
KeyMean broadcast_mean(Communicator& comm, KeyMean mean) {
  std::array<std::int64_t, 2> sizes = {std::ssize(mean.values), mean.patches};
  comm.broadcast(std::as_writable_bytes(std::span(sizes)), 0);
  mean.values.resize(static_cast<std::size_t>(sizes[0]));
  mean.patches = sizes[1];
  comm.broadcast(std::as_writable_bytes(std::span(mean.values)), 0);
  return mean;
}

/// COLLECTIVE. What is kept, where it is of this record, on all ranks.
std::optional<KeyMean> kept_mean(const RunContext& run, const StageProvenance& record) {
  KeyMean mean;
  on_root(run.comm, [&] {
    const auto path = run.directory.key_mean();
    std::string why;
    if (is_current(path, record, &why)) mean = read_key_mean(path, record);
  });
  mean = broadcast_mean(run.comm, std::move(mean));
  return mean.values.empty() ? std::nullopt : std::optional(std::move(mean));
}

/// COLLECTIVE. That of the run that this one is fitted to.
KeyMean fitted_mean(const RunContext& run) {
  KeyMean mean;
  on_root(run.comm, [&] {
    const auto path = run.fitted->directory.key_mean();
    if (!std::filesystem::exists(path)) {
      throw InputError("The fitted run has no " + path.string(), "affinity.center: dataset takes its mean embedding",
                       "Run it again with this setting: it makes the file.");
    }
    mean = read_key_mean(path, std::nullopt);
  });
  return broadcast_mean(run.comm, std::move(mean));
}

}  // namespace

void find_dataset_mean(RunContext& run) {
  const StageProvenance record = record_of_mean(run);
  std::optional<KeyMean> mean = run.fitted ? fitted_mean(run) : kept_mean(run, record);
  const bool is_new = run.fitted || !mean;
  if (!mean) mean = mean_of_run(run);
  if (is_new) {
    on_root(run.comm, [&] { write_key_mean(run.directory.key_mean(), *mean, record, run.writing()); });
    log::detail("the mean embedding of " + std::to_string(mean->patches) + " patches");
  }
  run.use_key_mean(*std::move(mean));
}

}  // namespace datus
