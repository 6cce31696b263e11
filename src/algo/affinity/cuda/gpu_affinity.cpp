// SPDX-License-Identifier: Apache-2.0
#include "datus/algo/gpu_affinity.hpp"

#include "algo/affinity/cuda/affinity_graphs.hpp"
#include "algo/affinity/cuda/chunk_order.hpp"
#include "algo/affinity/cuda/staged_keys.hpp"
#include "algo/affinity/product.hpp"
#include "datus/core/cuda/memory.hpp"
#include "datus/core/error.hpp"
#include "datus/core/half.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace datus {
namespace {

using affinity::ChunkOnGpu;
using affinity::ChunkOrder;
using affinity::PanelShape;
using affinity::refuse_order;

PanelShape shape_for(int nodes, int dim, int images, const AffinityOptions& options) {
  if (options.temperature) {
    affinity::require_soft_weights(options);
  } else if (options.quantile) {
    throw UsageError("affinity.quantile cannot be computed on a GPU", "only the CPU has all affinities at once",
                     "Set it to null, or use model.device: cpu.");
  }
  return affinity::checked_shape(nodes, dim, images);
}

/// Memory and stream of one chunk.
class Slot {
 public:
  Slot(const PanelShape& shape, std::size_t images, const AffinityOptions& options)
      : shape_(shape), options_(options), keys_(shape, images, what) {
    common_mean_ = cuda::DeviceArray<float>(static_cast<std::size_t>(shape.dim), what);
    if (options.subtracts_mean()) {
      mean_ = cuda::DeviceArray<float>(images * static_cast<std::size_t>(shape.dim), what);
    }
    packed_ = cuda::DeviceArray<float>(images * shape.packed_values(), what);
    if (options.temperature) {
      weights_ = cuda::DeviceArray<std::uint16_t>(images * shape.graph_weights(), what);
      not_finite_ = cuda::DeviceArray<std::uint32_t>(images, what);
    } else {
      bits_ = cuda::DeviceArray<std::uint64_t>(images * shape.graph_words(), what);
    }
    host_common_mean_ = cuda::PinnedArray<float>(common_mean_.size());
    host_bits_ = cuda::PinnedArray<std::uint64_t>(bits_.size());
    host_weights_ = cuda::PinnedArray<std::uint16_t>(weights_.size());
    host_not_finite_ = cuda::PinnedArray<std::uint32_t>(not_finite_.size());
  }

  /// With no chunk under way. It goes up with the next one.
  void subtract(std::span<const float> mean) {
    std::ranges::copy(mean, host_common_mean_.data());
    subtracts_ = !mean.empty();
    mean_is_new_ = subtracts_;
  }

  [[nodiscard]] affinity::StagedKeys& keys() { return keys_; }

  void start(std::size_t images) {
    keys_.send(images, stream_);
    if (mean_is_new_) cuda::copy(common_mean_.data(), host_common_mean_.data(), common_mean_.size(), stream_);
    mean_is_new_ = false;
    ChunkOnGpu chunk = keys_.chunk(images);
    if (subtracts_) chunk.common_mean = common_mean_.data();
    chunk.mean = mean_.data();
    chunk.packed = packed_.data();
    chunk.bits = bits_.data();
    chunk.weights = weights_.data();
    chunk.not_finite = not_finite_.data();
    make_graphs(shape_, options_, chunk, stream_);
    if (options_.temperature) {
      cuda::copy(host_weights_.data(), weights_.data(), images * shape_.graph_weights(), stream_);
      cuda::copy(host_not_finite_.data(), not_finite_.data(), images, stream_);
    } else {
      cuda::copy(host_bits_.data(), bits_.data(), images * shape_.graph_words(), stream_);
    }
    started_ = images;
  }

  std::size_t wait() {
    stream_.wait();
    return started_;
  }

  [[nodiscard]] BitGraph graph(std::size_t image) const {
    BitGraph graph(shape_.nodes);
    copy_rows(host_bits_.span().subspan(image * shape_.graph_words(), shape_.graph_words()), graph);
    return graph;
  }
  [[nodiscard]] WeightedGraph weighted_graph(std::size_t image) const {
    if (const std::uint32_t pair = host_not_finite_.span()[image]; pair != 0) {
      const auto nodes = static_cast<std::uint32_t>(shape_.nodes);
      affinity::refuse_affinity(static_cast<int>(~pair / nodes), static_cast<int>(~pair % nodes));
    }
    WeightedGraph graph(shape_.nodes);
    copy_rows(host_weights_.span().subspan(image * shape_.graph_weights(), shape_.graph_weights()), graph);
    return graph;
  }

 private:
  /// Rows may be filled up.
  template <class T, class Graph>
  void copy_rows(std::span<const T> from, Graph& graph) const {
    const std::size_t stride = from.size() / static_cast<std::size_t>(shape_.nodes);
    for (int node = 0; node < shape_.nodes; ++node) {
      const auto row = graph.row(node);
      std::copy_n(from.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(node) * stride), row.size(),
                  row.begin());
    }
  }

  static constexpr const char* what = "memory for affinity graphs";

  PanelShape shape_;
  AffinityOptions options_;
  affinity::StagedKeys keys_;
  std::size_t started_ = 0;
  bool subtracts_ = false;
  bool mean_is_new_ = false;
  cuda::DeviceArray<float> common_mean_;
  cuda::DeviceArray<float> mean_;
  cuda::DeviceArray<float> packed_;
  cuda::DeviceArray<std::uint64_t> bits_;
  cuda::DeviceArray<std::uint16_t> weights_;
  cuda::DeviceArray<std::uint32_t> not_finite_;
  cuda::PinnedArray<float> host_common_mean_;
  cuda::PinnedArray<std::uint64_t> host_bits_;
  cuda::PinnedArray<std::uint16_t> host_weights_;
  cuda::PinnedArray<std::uint32_t> host_not_finite_;
  cuda::Stream stream_;  // last: waits for its work before the memory goes
};

}  // namespace

struct GpuAffinity::Impl {
  int gpu;
  PanelShape shape;
  AffinityOptions options;
  ChunkOrder<Slot> order;
  std::vector<float> common_mean = {};
};

GpuAffinity::GpuAffinity(int gpu, int nodes, int dim, int images, const AffinityOptions& options) {
  const PanelShape shape = shape_for(nodes, dim, images, options);
  cuda::use_gpu(gpu);
  const auto slot = [&] { return Slot(shape, static_cast<std::size_t>(images), options); };
  impl_ = std::make_unique<Impl>(Impl{gpu, shape, options, ChunkOrder<Slot>(images, nodes, dim, slot)});
}

GpuAffinity::GpuAffinity(GpuAffinity&& other) noexcept = default;
GpuAffinity& GpuAffinity::operator=(GpuAffinity&& other) noexcept = default;
GpuAffinity::~GpuAffinity() = default;

int GpuAffinity::capacity() const noexcept {
  return impl_->order.capacity();
}

void GpuAffinity::subtract(std::span<const float> mean) {
  if (!mean.empty() && std::ssize(mean) != impl_->shape.dim) {
    refuse_order("A mean of " + std::to_string(mean.size()) + " values cannot be subtracted",
                 "the keys have " + std::to_string(impl_->shape.dim));
  }
  if (std::ranges::equal(mean, impl_->common_mean)) return;
  if (!impl_->order.is_idle()) refuse_order("Another mean cannot be subtracted", "a chunk waits to be taken");
  impl_->common_mean.assign(mean.begin(), mean.end());
  for (Slot& slot : impl_->order.slots()) slot.subtract(mean);
}

void GpuAffinity::stage(int image, std::span<const float> keys, std::span<const std::uint8_t> valid) {
  impl_->order.place_for(image, keys.size(), valid).keys().stage(static_cast<std::size_t>(image), keys, valid);
}
void GpuAffinity::stage(int image, std::span<const half> keys, std::span<const std::uint8_t> valid) {
  impl_->order.place_for(image, keys.size(), valid).keys().stage(static_cast<std::size_t>(image), keys, valid);
}
void GpuAffinity::stage(int image, const GpuKeys& keys, std::size_t from, std::span<const std::uint8_t> valid) {
  Slot& slot = impl_->order.place_for(image, keys.shape(), from, valid);
  slot.keys().stage(static_cast<std::size_t>(image), keys, from, valid);
}

void GpuAffinity::submit(int images) {
  cuda::use_gpu(impl_->gpu);
  impl_->order.submit(images);
}

int GpuAffinity::take() {
  return impl_->order.take();
}

BitGraph GpuAffinity::graph(int image) const {
  if (impl_->options.temperature) refuse_order("There are no graphs without weights", "affinity.weights is soft");
  return impl_->order.slot_of(image).graph(static_cast<std::size_t>(image));
}

WeightedGraph GpuAffinity::weighted_graph(int image) const {
  if (!impl_->options.temperature) refuse_order("There are no graphs with weights", "affinity.weights is sign");
  return impl_->order.slot_of(image).weighted_graph(static_cast<std::size_t>(image));
}

}  // namespace datus
