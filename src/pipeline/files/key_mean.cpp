// SPDX-License-Identifier: Apache-2.0
#include "pipeline/files/key_mean.hpp"

#include "datus/core/error.hpp"
#include "datus/io/atomic_hdf5.hpp"
#include "pipeline/files/keys_reader.hpp"
#include "pipeline/files/verified_file.hpp"

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

namespace datus {

Hash KeyMean::hash() const {
  Hasher hasher;
  return hasher.add(patches).add_bytes(std::as_bytes(std::span(values))).finish();
}

void KeySums::add(const KeysFile& file, int threads) {
  if (!sums_) sums_.emplace(static_cast<std::size_t>(file.dim));
  dim_ = file.dim;
  file.keys.visit([&](const auto& values) { sums_->add(std::span(values), file.valid, threads); });
  patches_ += file.size() * file.grid.patches() - std::ranges::count(file.valid, 0);
}

void KeySums::allreduce(Communicator& comm) {
  // A rank may have had no file.
  dim_ = largest_of_ranks(comm, dim_);
  if (!sums_) sums_.emplace(static_cast<std::size_t>(dim_));
  comm.allreduce(sums_->digits(), ReduceOp::sum);
  comm.allreduce(std::span(&patches_, 1), ReduceOp::sum);
}

KeyMean KeySums::mean() {
  KeyMean mean{.values = std::vector<float>(static_cast<std::size_t>(dim_)), .patches = patches_};
  if (patches_ == 0) return mean;
  std::ranges::transform(sums_->totals(), mean.values.begin(),
                         [&](double total) { return static_cast<float>(total / static_cast<double>(patches_)); });
  return mean;
}

KeyMean mean_of_keys_file(const std::filesystem::path& keys, int threads) {
  const KeysReader reader(keys);
  constexpr std::int64_t images_at_once = 16;
  KeySums sums;
  for (std::int64_t begin = 0; begin < reader.size(); begin += images_at_once) {
    sums.add(reader.read(begin, std::min(images_at_once, reader.size() - begin)), threads);
  }
  return sums.mean();
}

void write_key_mean(const std::filesystem::path& path, const KeyMean& mean, const StageProvenance& provenance,
                    const WriteOptions& options) {
  AtomicHdf5 file(path, options);
  file.writer().write<float>("mean", mean.values, {std::ssize(mean.values)});
  file.writer().attribute("/", "patches", mean.patches);
  write_provenance(file.writer(), provenance);
  file.commit();
}

KeyMean read_key_mean(const std::filesystem::path& path, const std::optional<StageProvenance>& wanted) {
  const Hdf5Reader reader = open_verified(path, wanted);
  return {.values = reader.read<float>("mean"), .patches = reader.attribute<std::int64_t>("/", "patches")};
}

std::optional<Hash> hash_of_key_mean(const std::filesystem::path& path) {
  if (!std::filesystem::exists(path)) return std::nullopt;
  try {
    return read_key_mean(path, std::nullopt).hash();
  } catch (const InputError&) {
    return std::nullopt;
  }
}

}  // namespace datus
