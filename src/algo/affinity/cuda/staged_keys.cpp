// SPDX-License-Identifier: Apache-2.0
#include "algo/affinity/cuda/staged_keys.hpp"

#include "datus/algo/bit_graph.hpp"
#include "datus/algo/gpu_affinity.hpp"
#include "datus/core/error.hpp"

#include <algorithm>
#include <cstring>
#include <string>

namespace datus::affinity {
namespace {

/// Writes the values as f16 if that loses nothing, as they are otherwise, and then returns false.
bool stage_as_half(std::span<const float> values, std::byte* to) {
  constexpr std::size_t block = 4096;
  const std::span halves(reinterpret_cast<half*>(to), values.size());
  for (std::size_t begin = 0; begin < values.size(); begin += block) {
    const std::size_t size = std::min(block, values.size() - begin);
    if (to_half_exactly(values.subspan(begin, size), halves.subspan(begin, size))) continue;
    std::memcpy(to, values.data(), values.size_bytes());
    return false;
  }
  return true;
}

/// Bit j: patch j is there and valid.
void stage_kept(int nodes, std::span<const std::uint8_t> valid, std::span<std::uint64_t> words) {
  std::fill(words.begin(), words.end(), 0);
  for (int j = 0; j < nodes; ++j) {
    const auto node = static_cast<std::size_t>(j);
    if (valid.empty() || valid[node] != 0) words[node / 64] |= std::uint64_t{1} << (node % 64);
  }
}

}  // namespace

PanelShape checked_shape(int nodes, int dim, int images) {
  if (dim < 1 || images < 1 || images > GpuAffinity::max_capacity) {
    throw UsageError("A GPU cannot take chunks of " + std::to_string(images) + " images with keys of " +
                         std::to_string(dim) + " values",
                     "there are 1 to " + std::to_string(GpuAffinity::max_capacity) + " images, and at least one value",
                     "Choose other numbers.");
  }
  return {
      .nodes = checked_nodes(nodes), .dim = dim, .words_per_row = static_cast<int>(BitGraph(nodes).words_per_row())};
}

StagedKeys::StagedKeys(const PanelShape& shape, std::size_t capacity, const char* what)
    : shape_(shape),
      staged_(capacity),
      keys_(capacity * key_bytes(), what),
      halves_(capacity, what),
      kept_(capacity * kept_words(), what),
      host_keys_(keys_.size()),
      host_halves_(halves_.size()),
      host_kept_(kept_.size()) {}

void StagedKeys::stage(std::size_t image, std::span<const float> keys, std::span<const std::uint8_t> valid) {
  stage(image, place(image), stage_as_half(keys, place(image)), valid);
}

void StagedKeys::stage(std::size_t image, std::span<const half> keys, std::span<const std::uint8_t> valid) {
  std::memcpy(place(image), keys.data(), keys.size_bytes());
  stage(image, place(image), true, valid);
}

void StagedKeys::stage(std::size_t image, const GpuKeys& keys, std::size_t from, std::span<const std::uint8_t> valid) {
  const GpuKeys::Shape& shape = keys.shape();
  stage(image, keys.address() + from * shape.image_bytes(), shape.halves, valid);
}

void StagedKeys::stage(std::size_t image, const std::byte* keys, bool halves, std::span<const std::uint8_t> valid) {
  staged_[image] = keys;
  host_halves_.data()[image] = halves ? 1 : 0;
  stage_kept(shape_.nodes, valid, host_kept_.span().subspan(image * kept_words(), kept_words()));
}

void StagedKeys::send(std::size_t images, const cuda::Stream& stream) {
  for (std::size_t image = 0; image < images; ++image) {
    const std::size_t bytes = host_halves_.data()[image] != 0 ? key_bytes() / 2 : key_bytes();
    cuda::copy(keys_.data() + image * key_bytes(), staged_[image], bytes, stream);
  }
  cuda::copy(halves_.data(), host_halves_.data(), images, stream);
  cuda::copy(kept_.data(), host_kept_.data(), images * kept_words(), stream);
}

ChunkOnGpu StagedKeys::chunk(std::size_t images) const {
  ChunkOnGpu chunk;
  chunk.images = static_cast<int>(images);
  chunk.keys = keys_.data();
  chunk.halves = halves_.data();
  chunk.kept = kept_.data();
  return chunk;
}

}  // namespace datus::affinity
