// SPDX-License-Identifier: Apache-2.0
#include "algo/kmeans/engine.hpp"

#include "algo/kmeans/cuda/kernels.hpp"
#include "algo/kmeans/cuda/pair.hpp"
#include "algo/kmeans/cuda/rows.hpp"
#include "algo/kmeans/cuda/tensor.hpp"
#include "algo/kmeans/cuda/weights.hpp"
#include "datus/core/cuda/memory.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

namespace datus::clustering {
namespace gpu {
namespace {

/// For the libraries' own needs, and other programs of the card.
constexpr std::int64_t reserve_bytes = std::int64_t{768} << 20U;
/// What rows that come piece by piece are given in any case: with less the bus would wait for every piece.
constexpr std::int64_t least_bytes = std::int64_t{64} << 20U;

/// What rows may take of the memory of the GPU in use.
std::int64_t memory_for_rows(const KMeansGpu& gpu, std::int64_t other_bytes) {
  if (gpu.memory_bytes > 0) return gpu.memory_bytes;
  std::size_t free = 0;
  std::size_t total = 0;
  cuda::check(cudaMemGetInfo(&free, &total), "to say how much memory it has");
  return std::max(least_bytes, static_cast<std::int64_t>(free) - other_bytes - reserve_bytes);
}

/// On the GPU that was in use when it was made, which must be in use in all calls.
class DeviceEngine final : public Engine {
 public:
  DeviceEngine(const Context& context, const KMeansGpu& gpu, std::int64_t other_bytes)
      : context_(context),
        gpu_(gpu),
        units_{std::ldexp(1.0, context.scales.sum_log2), std::ldexp(1.0, context.scales.inertia_log2)},
        rows_(context.rows, context.threads, memory_for_rows(gpu, other_bytes)),
        norms_(context.summary.squared_norms.size(), "memory for the norms of rows"),
        found_(static_cast<std::size_t>(rows_.slab_rows()), "memory for the labels of rows"),
        stop_(1) {
    cuda::copy(norms_.data(), context.summary.squared_norms.data(), norms_.size(), stream_);
    stream_.wait();
  }

  bool is_for_precise() const override { return false; }

  void begin(std::span<WorkingPair> pairs) override {
    collectively(context_.comm, [&] {
      cuda::use_gpu(gpu_.index);
      begin_ = pairs.data();
      pairs_.clear();
      pairs_.resize(pairs.size());
      std::int64_t packed = 1;
      int most_clusters = 0;
      for (std::size_t i = 0; i < pairs.size(); ++i) {
        if (pairs[i].pair->phase == KMeansPhase::done) continue;
        pairs_[i].emplace(context_, *pairs[i].pair, stream_);
        packed += pairs_[i]->packed_size();
        most_clusters = std::max(most_clusters, pairs[i].pair->clusters);
      }
      if (most_clusters > 0) tensor_search_.emplace(most_clusters, std::max<std::int64_t>(rows_.slab_rows(), 1));
      packed_ = cuda::DeviceArray<std::int64_t>(static_cast<std::size_t>(packed), "memory for the sums of ranks");
      stream_.wait();
    });
  }

  void restore(std::span<WorkingPair* const> pairs) override {
    cuda::use_gpu(gpu_.index);
    for (WorkingPair* working : pairs) device_of(*working).start_pass(working->pair->previous, stream_);
    pass(pairs);
    stream_.wait();
  }

  Iteration iterate(std::span<WorkingPair* const> pairs, bool stop_requested) override {
    cuda::use_gpu(gpu_.index);
    for (WorkingPair* working : pairs) device_of(*working).start_pass(working->pair->centroids, stream_);
    pass(pairs);

    stop_.span()[0] = stop_requested ? 1 : 0;
    cuda::copy(packed_.data(), stop_.data(), 1, stream_);
    std::int64_t size = 1;
    for (WorkingPair* working : pairs) {
      device_of(*working).pack(packed_.data() + size, stream_);
      size += device_of(*working).packed_size();
    }
    gpu_.collectives->allreduce_sum(packed_.data(), size, stream_);
    cuda::copy(stop_.data(), packed_.data(), 1, stream_);
    std::int64_t* packed = packed_.data() + 1;
    for (WorkingPair* working : pairs) {
      device_of(*working).send_found(packed, stream_);
      packed += device_of(*working).packed_size();
    }
    gpu_.collectives->wait(stream_);

    Iteration iteration;
    iteration.stop = stop_.span()[0] > 0;
    packed = packed_.data() + 1;
    for (WorkingPair* working : pairs) {
      iteration.pairs.push_back(device_of(*working).found(packed, stream_));
      packed += device_of(*working).packed_size();
    }
    return iteration;
  }

  std::span<const std::int32_t> labels_of(WorkingPair& pair) override {
    cuda::use_gpu(gpu_.index);
    pair.assignment = device_of(pair).labels(stream_);
    return pair.assignment;
  }

  void release(std::span<WorkingPair> pairs) override {
    cuda::use_gpu(gpu_.index);
    for (WorkingPair& working : pairs) {
      const KMeansPhase phase = working.pair->phase;
      std::optional<DevicePair>& device = pairs_[static_cast<std::size_t>(&working - begin_)];
      if (phase != KMeansPhase::done) continue;
      const bool beaten = is_beaten(*working.pair, pairs);
      if (device && !beaten) working.assignment = device->labels(stream_);
      if (beaten) std::vector<std::int32_t>().swap(working.assignment);
      device.reset();
    }
  }

  std::unique_ptr<RowWeights> weigh_rows(std::size_t draws) override {
    std::unique_ptr<RowWeights> weights;
    collectively(context_.comm, [&] {
      cuda::use_gpu(gpu_.index);
      weights = std::make_unique<DeviceWeights>(context_, gpu_.index, rows_, stream_, draws);
    });
    return weights;
  }

 private:
  /// Assigns the rows to the centroids of each pair's started pass, and adds them up. Each pair reads the slab again: a
  /// search takes longer than reading the rows does, so little would be won by keeping them for the next pair.
  void pass(std::span<WorkingPair* const> pairs) {
    rows_.for_each_slab(stream_, [&](const Slab& slab) {
      for (WorkingPair* working : pairs) {
        DevicePair& pair = device_of(*working);
        tensor_search_->nearest(slab, pair.centroids(), norms_.data(), found_.data(), stream_);
        accumulate(slab, found_.data(), norms_.data(), units_, pair.view(), stream_);
      }
    });
  }

  [[nodiscard]] DevicePair& device_of(const WorkingPair& working) {
    return *pairs_[static_cast<std::size_t>(&working - begin_)];
  }

  const Context& context_;
  KMeansGpu gpu_;
  Units units_;
  DeviceRows rows_;
  cuda::DeviceArray<double> norms_;
  /// Of one slab.
  cuda::DeviceArray<std::int32_t> found_;
  /// Once there is a pair.
  std::optional<TensorSearch> tensor_search_;
  /// What the ranks add up: the stop flag, then the numbers of each pair.
  cuda::DeviceArray<std::int64_t> packed_;
  cuda::PinnedArray<std::int64_t> stop_;
  /// As the pairs that they belong to, from begin_ on; empty for those that are done.
  std::vector<std::optional<DevicePair>> pairs_;
  const WorkingPair* begin_ = nullptr;
  /// Last, so that it waits for its work before the memory goes.
  cuda::Stream stream_;
};

}  // namespace
}  // namespace gpu

std::unique_ptr<Engine> make_gpu_engine(const Context& context, const KMeansGpu& gpu, std::int64_t other_bytes) {
  std::unique_ptr<Engine> engine;
  collectively(context.comm, [&] {
    cuda::use_gpu(gpu.index);
    engine = std::make_unique<gpu::DeviceEngine>(context, gpu, other_bytes);
  });
  return engine;
}

}  // namespace datus::clustering
