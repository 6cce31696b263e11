// SPDX-License-Identifier: Apache-2.0
#include "datus/algo/gpu_affinity.hpp"

#include "algo/affinity/cuda/affinity_graphs.hpp"
#include "algo/affinity/product.hpp"
#include "datus/core/cuda/memory.hpp"
#include "datus/core/error.hpp"
#include "datus/core/half.hpp"

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

namespace datus {
namespace {

using affinity::ChunkOnGpu;
using affinity::PanelShape;

PanelShape checked_shape(int nodes, int dim, int images, const AffinityOptions& options) {
  if (options.temperature) {
    affinity::require_soft_weights(options);
  } else if (options.quantile) {
    throw UsageError("affinity.quantile cannot be computed on a GPU", "only the CPU has all affinities at once",
                     "Set it to null, or use model.device: cpu.");
  }
  if (dim < 1 || images < 1 || images > GpuAffinity::max_capacity) {
    throw UsageError("A GPU cannot take chunks of " + std::to_string(images) + " images with keys of " +
                         std::to_string(dim) + " values",
                     "there are 1 to " + std::to_string(GpuAffinity::max_capacity) + " images, and at least one value",
                     "Choose other numbers.");
  }
  return {
      .nodes = checked_nodes(nodes), .dim = dim, .words_per_row = static_cast<int>(BitGraph(nodes).words_per_row())};
}

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
bool stage_as_half(std::span<const half> values, std::byte* to) {
  std::memcpy(to, values.data(), values.size_bytes());
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

/// Memory and stream of one chunk.
class Slot {
 public:
  Slot(const PanelShape& shape, int capacity, const AffinityOptions& options)
      : shape_(shape), images_(static_cast<std::size_t>(capacity)), staged_(images_) {
    const char* const what = "memory for affinity graphs";
    keys_ = cuda::DeviceArray<std::byte>(images_ * key_bytes(), what);
    halves_ = cuda::DeviceArray<std::uint8_t>(images_, what);
    kept_ = cuda::DeviceArray<std::uint64_t>(images_ * kept_words(), what);
    common_mean_ = cuda::DeviceArray<float>(static_cast<std::size_t>(shape.dim), what);
    if (options.subtracts_mean()) {
      mean_ = cuda::DeviceArray<float>(images_ * static_cast<std::size_t>(shape.dim), what);
    }
    packed_ = cuda::DeviceArray<float>(images_ * shape.packed_values(), what);
    if (options.temperature) {
      weights_ = cuda::DeviceArray<std::uint16_t>(images_ * shape.graph_weights(), what);
      not_finite_ = cuda::DeviceArray<std::uint32_t>(images_, what);
    } else {
      bits_ = cuda::DeviceArray<std::uint64_t>(images_ * shape.graph_words(), what);
    }
    host_keys_ = cuda::PinnedArray<std::byte>(keys_.size());
    host_halves_ = cuda::PinnedArray<std::uint8_t>(halves_.size());
    host_kept_ = cuda::PinnedArray<std::uint64_t>(kept_.size());
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

  template <class T>
  void stage(std::size_t image, std::span<const T> keys, std::span<const std::uint8_t> valid) {
    std::byte* const place = host_keys_.data() + image * key_bytes();
    stage(image, place, stage_as_half(keys, place), valid);
  }
  /// Keys in pinned memory, or on the GPU.
  void stage(std::size_t image, const std::byte* keys, bool halves, std::span<const std::uint8_t> valid) {
    staged_[image] = keys;
    host_halves_.data()[image] = halves ? 1 : 0;
    stage_kept(shape_.nodes, valid, host_kept_.span().subspan(image * kept_words(), kept_words()));
  }

  void start(std::size_t images, const AffinityOptions& options) {
    for (std::size_t image = 0; image < images; ++image) {
      const std::size_t bytes = host_halves_.data()[image] != 0 ? key_bytes() / 2 : key_bytes();
      cuda::copy(keys_.data() + image * key_bytes(), staged_[image], bytes, stream_);
    }
    cuda::copy(halves_.data(), host_halves_.data(), images, stream_);
    cuda::copy(kept_.data(), host_kept_.data(), images * kept_words(), stream_);
    if (mean_is_new_) cuda::copy(common_mean_.data(), host_common_mean_.data(), common_mean_.size(), stream_);
    mean_is_new_ = false;
    make_graphs(shape_, options,
                ChunkOnGpu{.images = static_cast<int>(images),
                           .keys = keys_.data(),
                           .halves = halves_.data(),
                           .kept = kept_.data(),
                           .common_mean = subtracts_ ? common_mean_.data() : nullptr,
                           .mean = mean_.data(),
                           .packed = packed_.data(),
                           .bits = bits_.data(),
                           .weights = weights_.data(),
                           .not_finite = not_finite_.data()},
                stream_);
    if (options.temperature) {
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
  [[nodiscard]] std::size_t key_bytes() const { return shape_.key_values() * sizeof(float); }
  [[nodiscard]] std::size_t kept_words() const { return static_cast<std::size_t>(shape_.words_per_row); }
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

  PanelShape shape_;
  std::size_t images_;
  std::vector<const std::byte*> staged_;  ///< where the keys of each image are taken from
  std::size_t started_ = 0;
  bool subtracts_ = false;
  bool mean_is_new_ = false;
  cuda::DeviceArray<std::byte> keys_;
  cuda::DeviceArray<std::uint8_t> halves_;
  cuda::DeviceArray<std::uint64_t> kept_;
  cuda::DeviceArray<float> common_mean_;
  cuda::DeviceArray<float> mean_;
  cuda::DeviceArray<float> packed_;
  cuda::DeviceArray<std::uint64_t> bits_;
  cuda::DeviceArray<std::uint16_t> weights_;
  cuda::DeviceArray<std::uint32_t> not_finite_;
  cuda::PinnedArray<std::byte> host_keys_;
  cuda::PinnedArray<std::uint8_t> host_halves_;
  cuda::PinnedArray<std::uint64_t> host_kept_;
  cuda::PinnedArray<float> host_common_mean_;
  cuda::PinnedArray<std::uint64_t> host_bits_;
  cuda::PinnedArray<std::uint16_t> host_weights_;
  cuda::PinnedArray<std::uint32_t> host_not_finite_;
  cuda::Stream stream_;  // last: waits for its work before the memory goes
};

[[noreturn]] void refuse(const std::string& what, const std::string& why) {
  throw UsageError(what, why, "Stage, submit and take chunks in the order that GpuAffinity describes.");
}

}  // namespace

struct GpuAffinity::Impl {
  int gpu;
  int capacity;
  PanelShape shape;
  AffinityOptions options;
  std::vector<Slot> slots;
  std::vector<float> common_mean = {};
  std::size_t submitted = 0;
  std::size_t taken = 0;
  /// Of the chunk taken last, until the next one is submitted.
  std::size_t usable_graphs = 0;

  [[nodiscard]] bool full() const { return submitted - taken == depth; }
  [[nodiscard]] Slot& slot(std::size_t chunk) { return slots[chunk % depth]; }
  /// Of the chunk taken last, the one that has the graph of this image.
  [[nodiscard]] Slot& slot_of_graph(int image) {
    if (image < 0 || static_cast<std::size_t>(image) >= usable_graphs) {
      refuse("There is no graph of image " + std::to_string(image),
             "the chunk taken last has " + std::to_string(usable_graphs) + " that can be used");
    }
    return slot(taken - 1);
  }

  /// Where an image with so many values may be staged.
  [[nodiscard]] Slot& place_for(int image, std::size_t values, std::span<const std::uint8_t> valid) {
    affinity::require_fitting(values, shape.nodes, shape.dim, valid);
    if (image < 0 || image >= capacity) refuse("A chunk has no image " + std::to_string(image), "it has fewer");
    if (full()) refuse("An image cannot be staged", "two chunks are waiting to be taken");
    return slot(submitted);
  }
};

GpuAffinity::GpuAffinity(int gpu, int nodes, int dim, int images, const AffinityOptions& options)
    : impl_(new Impl{.gpu = gpu,
                     .capacity = images,
                     .shape = checked_shape(nodes, dim, images, options),
                     .options = options,
                     .slots = {}}) {
  cuda::use_gpu(gpu);
  for (int i = 0; i < depth; ++i) impl_->slots.emplace_back(impl_->shape, images, options);
}

GpuAffinity::GpuAffinity(GpuAffinity&& other) noexcept = default;
GpuAffinity& GpuAffinity::operator=(GpuAffinity&& other) noexcept = default;
GpuAffinity::~GpuAffinity() = default;

int GpuAffinity::capacity() const noexcept {
  return impl_->capacity;
}

void GpuAffinity::subtract(std::span<const float> mean) {
  if (!mean.empty() && std::ssize(mean) != impl_->shape.dim) {
    refuse("A mean of " + std::to_string(mean.size()) + " values cannot be subtracted",
           "the keys have " + std::to_string(impl_->shape.dim));
  }
  if (std::ranges::equal(mean, impl_->common_mean)) return;
  if (impl_->submitted != impl_->taken) refuse("Another mean cannot be subtracted", "a chunk waits to be taken");
  impl_->common_mean.assign(mean.begin(), mean.end());
  for (Slot& slot : impl_->slots) slot.subtract(mean);
}

void GpuAffinity::stage(int image, std::span<const float> keys, std::span<const std::uint8_t> valid) {
  impl_->place_for(image, keys.size(), valid).stage(static_cast<std::size_t>(image), keys, valid);
}
void GpuAffinity::stage(int image, std::span<const half> keys, std::span<const std::uint8_t> valid) {
  impl_->place_for(image, keys.size(), valid).stage(static_cast<std::size_t>(image), keys, valid);
}
void GpuAffinity::stage(int image, const GpuKeys& keys, std::size_t from, std::span<const std::uint8_t> valid) {
  const GpuKeys::Shape& shape = keys.shape();
  Slot& slot = impl_->place_for(image, shape.values, valid);
  if (from >= shape.images) {
    refuse("There are no keys of image " + std::to_string(from), std::to_string(shape.images) + " lie on the GPU");
  }
  slot.stage(static_cast<std::size_t>(image), keys.address() + from * shape.image_bytes(), shape.halves, valid);
}

void GpuAffinity::submit(int images) {
  if (images < 1 || images > impl_->capacity) {
    refuse("A chunk cannot have " + std::to_string(images) + " images",
           "1 to " + std::to_string(impl_->capacity) + " are possible");
  }
  if (impl_->full()) refuse("A chunk cannot be submitted", "two chunks are waiting to be taken");
  impl_->usable_graphs = 0;
  cuda::use_gpu(impl_->gpu);
  impl_->slot(impl_->submitted).start(static_cast<std::size_t>(images), impl_->options);
  ++impl_->submitted;
}

int GpuAffinity::take() {
  if (impl_->submitted == impl_->taken) refuse("There are no graphs to take", "no chunk was submitted");
  impl_->usable_graphs = 0;
  impl_->usable_graphs = impl_->slot(impl_->taken++).wait();
  return static_cast<int>(impl_->usable_graphs);
}

BitGraph GpuAffinity::graph(int image) const {
  if (impl_->options.temperature) refuse("There are no graphs without weights", "affinity.weights is soft");
  return impl_->slot_of_graph(image).graph(static_cast<std::size_t>(image));
}

WeightedGraph GpuAffinity::weighted_graph(int image) const {
  if (!impl_->options.temperature) refuse("There are no graphs with weights", "affinity.weights is sign");
  return impl_->slot_of_graph(image).weighted_graph(static_cast<std::size_t>(image));
}

}  // namespace datus
