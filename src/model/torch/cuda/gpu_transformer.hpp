// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "model/torch/cuda/batch_memory.hpp"
#include "model/torch/cuda/batched_transformer.hpp"
#include "model/torch/cuda/batches_under_way.hpp"
#include "model/torch/cuda/crop_batches.hpp"
#include "model/torch/cuda/pixel_table.hpp"
#include "model/torch/cuda/recorded_passes.hpp"
#include "model/torch/device_transformer.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

namespace datus {

/// A model on one GPU, as `DeviceTransformer` has it: how batches come there and results come back.
class GpuTransformer final : public DeviceTransformer {
 public:
  GpuTransformer(const ViTArchitecture& architecture, const ViTWeights& weights, TokenBase& token_base, int gpu,
                 Precision precision, bool cuda_graphs, int threads);
  ~GpuTransformer() override;
  GpuTransformer(const GpuTransformer&) = delete;
  GpuTransformer& operator=(const GpuTransformer&) = delete;
  GpuTransformer(GpuTransformer&&) = delete;
  GpuTransformer& operator=(GpuTransformer&&) = delete;

  std::future<Features> begin_forward(std::span<const Image* const> images, const PixelScaling& scaling, GridSize grid,
                                      const Readout& readout, const Batching& batching) override;
  std::future<std::vector<float>> begin_crop_vectors(const SegmentCrops& crops, const PixelScaling& scaling,
                                                     GridSize grid, const Batching& batching) override;
  std::future<std::vector<float>> begin_segment_cls(std::span<const Image* const> images, const PixelScaling& scaling,
                                                    GridSize grid, std::span<const std::int16_t> segment_maps,
                                                    std::span<const int> segments, const Batching& batching) override;
  Features forward(std::span<const float> images, int batch, int height, int width, GridSize grid,
                   const Readout& readout) override;

 private:
  /// One of the places where batches are.
  struct Slot {
    ImageUpload images;
    cuda::Event uploaded;
    cuda::DeviceArray<std::uint8_t> crops;
    MapUpload maps;
    Download embeddings;
    Download cls;
  };

  /// Runs `body` with this GPU, our stream and no autograd; one thread at a time. LibTorch's errors become ours.
  void on_gpu(const std::function<void()>& body);
  /// Calls submit(slot, begin, count) for each batch of `total` things, and collect(result, slot, begin, count), in the
  /// same order, when its place is needed or the result is asked for. `prepare` is called first.
  template <class Result, class Prepare, class Submit, class Collect>
  std::future<Result> begin(Result result, std::size_t total, const Batching& batching, const Prepare& prepare,
                            const Submit& submit, const Collect& collect);
  /// [places, P, 3 p p] of images uint8 on the device, as work of the compute stream.
  [[nodiscard]] at::Tensor patches_of(const std::uint8_t* images, int places, int height, int width, GridSize grid,
                                      bool bgr) const;
  /// A batch of images of the host, on the device for later work of the compute stream.
  [[nodiscard]] std::uint8_t* uploaded(Slot& slot, std::span<const Image* const> images, int places);
  /// What the model gives for a batch that lies on the device, as work of the compute stream. With CUDA graphs the
  /// tensors are the place's own.
  [[nodiscard]] BatchedTransformer::Result read(const PassShape& batch);
  /// Runs the model on crops that lie on the device, and tells `batching` of it.
  void submit(const CropBatches::Batch& crops, const Batching& batching);
  /// Embeddings to where they are to stay: the first `count` values of a batch to value `begin` there. What is taken
  /// from the batch to the host comes after it.
  void keep(const at::Tensor& embeddings, const Readout& readout, std::size_t begin, std::size_t count) const;
  /// Waits for what a failed call has begun: it still uses the slots.
  void settle() noexcept;
  /// All that is not in use, where there is too little: a smaller batch may be next.
  void give_memory_back();

  const ViTArchitecture& architecture_;
  int gpu_;
  int threads_;
  std::mutex mutex_;
  cuda::Stream compute_;
  cuda::Stream to_device_;
  cuda::Stream to_host_;
  std::optional<BatchedTransformer> model_;
  /// With CUDA graphs.
  std::optional<RecordedPasses> recorded_;
  PixelTable scaled_;
  std::array<Slot, BatchesUnderWay::places> slots_;
  BatchesUnderWay under_way_;
  /// Of the images that crops are cut from.
  ImageUpload inputs_;
  MapUpload maps_;
  CropBatches crops_;
};

template <class Result, class Prepare, class Submit, class Collect>
std::future<Result> GpuTransformer::begin(Result result, std::size_t total, const Batching& batching,
                                          const Prepare& prepare, const Submit& submit, const Collect& collect) {
  const auto call = std::make_shared<Result>(std::move(result));
  on_gpu([&] {
    try {
      prepare();
      const auto size = static_cast<std::size_t>(batching.batch_size);
      for (std::size_t begin = 0; begin < total; begin += size) {
        if (batching.before_each_batch) batching.before_each_batch(begin - std::min(begin, size));
        const std::size_t place = under_way_.free_place();
        const std::size_t count = std::min(size, total - begin);
        submit(slots_[place], begin, count);
        under_way_.add(place, {call.get()}, [=, this] { collect(*call, slots_[place], begin, count); });
      }
    } catch (...) {
      under_way_.drop(call.get());
      throw;
    }
  });
  return std::async(std::launch::deferred, [this, call] {
    on_gpu([&] { under_way_.collect(call.get()); });
    return std::move(*call);
  });
}

}  // namespace datus
