// SPDX-License-Identifier: Apache-2.0
#include "datus/core/cuda/check.hpp"
#include "datus/core/error.hpp"
#include "datus/core/gpu.hpp"
#include "datus/core/log.hpp"
#include "datus/core/ready_future.hpp"
#include "model/pixels/cuda/crop_plan.hpp"
#include "model/torch/cuda/batch_memory.hpp"
#include "model/torch/cuda/batched_transformer.hpp"
#include "model/torch/cuda/batches_under_way.hpp"
#include "model/torch/cuda/layer_kernels.hpp"
#include "model/torch/cuda/math_modes.hpp"
#include "model/torch/cuda/memory_errors.hpp"
#include "model/torch/cuda/number_types.hpp"
#include "model/torch/cuda/pixel_table.hpp"
#include "model/torch/cuda/recorded_passes.hpp"
#include "model/torch/cuda/torch_gpu.hpp"
#include "model/torch/device_transformer.hpp"

#include <algorithm>
#include <array>
#include <exception>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <c10/core/InferenceMode.h>
#include <c10/util/Exception.h>

namespace datus {
namespace {

/// What `action` returns, which takes memory of the GPU: LibTorch keeps what it does not need for its next tensors, and
/// gives it back where that is not enough.
template <class Action>
auto with_spare_memory(const Action& action) {
  try {
    return action();
  } catch (const DeviceMemoryError&) {
    torch_gpu::give_spare_memory_back();
  }
  return action();
}

/// One of the places where batches are.
struct Slot {
  ImageUpload images;
  cuda::Event uploaded;
  gpu_layers::CropBuffers crops;
  cuda::DeviceArray<std::uint8_t> cut;
  MapUpload maps;
  Download embeddings;
  Download cls;
};

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
  /// Runs `body` with this GPU, our stream and no autograd; one thread at a time. LibTorch's errors become ours.
  template <class Body>
  auto on_gpu(const Body& body);
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
};

template <class Body>
auto GpuTransformer::on_gpu(const Body& body) {
  const std::scoped_lock lock(mutex_);
  cuda::use_gpu(gpu_);
  const c10::InferenceMode inference;
  const torch_gpu::OnStream on_stream(compute_, gpu_);
  try {
    return body();
  } catch (const c10::Error& error) {
    settle();
    if (says_out_of_memory(error)) {
      give_memory_back();
      throw DeviceMemoryError("The GPU's memory does not suffice for the model's batch", error.what_without_backtrace(),
                              "Use a smaller model.batch_size.");
    }
    throw SystemError("the Vision Transformer could not be run on GPU " + std::to_string(gpu_),
                      error.what_without_backtrace(), "Look at the card with nvidia-smi, or set model.device: cpu.");
  } catch (const DeviceMemoryError&) {
    settle();
    give_memory_back();
    throw;
  } catch (...) {
    settle();
    throw;
  }
}

void GpuTransformer::give_memory_back() {
  if (recorded_) recorded_->forget();
  torch_gpu::give_spare_memory_back();
}

void GpuTransformer::settle() noexcept {
  for (const cuda::Stream* stream : {&to_device_, &compute_, &to_host_}) {
    cuda::check_in_destructor(cudaStreamSynchronize(stream->get()), "to end work that was given up");
  }
}

GpuTransformer::GpuTransformer(const ViTArchitecture& architecture, const ViTWeights& weights, TokenBase& token_base,
                               int gpu, Precision precision, bool cuda_graphs, int threads)
    : architecture_(architecture), gpu_(gpu), threads_(threads) {
  set_math_modes();
  on_gpu([&] {
    model_.emplace(architecture, weights, token_base, torch_gpu::device(gpu), number_of(precision), &compute_);
    if (cuda_graphs) recorded_.emplace(compute_, gpu);
    compute_.wait();
  });
  // Of what the weights were on their way; the memory for graphs comes next, which is not LibTorch's.
  torch_gpu::give_spare_memory_back();
}

GpuTransformer::~GpuTransformer() {
  try {
    cuda::use_gpu(gpu_);
    settle();
    under_way_.drop_all();
    recorded_.reset();
    model_.reset();
    for (Slot& slot : slots_) slot = {};
    // LibTorch keeps what was freed for itself; the next stage has other uses for it.
    torch_gpu::give_spare_memory_back();
  } catch (const std::exception& error) {
    log::warning(std::string("the GPU's memory could not be given back: ") + error.what());
  }
}

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
        under_way_.add(place, call.get(), [=, this] { collect(*call, slots_[place], begin, count); });
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

at::Tensor GpuTransformer::patches_of(const std::uint8_t* images, int places, int height, int width, GridSize grid,
                                      bool bgr) const {
  const int patch = architecture_.patch;
  at::Tensor patches = at::empty({places, grid.patches(), std::int64_t{3} * patch * patch},
                                 at::TensorOptions(model_->device()).dtype(model_->number()));
  gpu_layers::take_patches(compute_, layers_number(model_->number()),
                           {.images = images,
                            .scaled = scaled_.data(),
                            .patches = patches.data_ptr(),
                            .batch = places,
                            .height = height,
                            .width = width,
                            .patch = patch,
                            .bgr = bgr});
  return patches;
}

std::uint8_t* GpuTransformer::uploaded(Slot& slot, std::span<const Image* const> images, int places) {
  std::uint8_t* const bytes = with_spare_memory(
      [&] { return slot.images.put(images, static_cast<std::size_t>(places), threads_, to_device_); });
  slot.uploaded.record(to_device_);
  slot.uploaded.hold(compute_);
  return bytes;
}

BatchedTransformer::Result GpuTransformer::read(const PassShape& batch) {
  const auto pass = [&] {
    const at::Tensor patches = patches_of(batch.images, batch.places, batch.height, batch.width, batch.grid, batch.bgr);
    return model_->read(patches, batch.grid, batch.height == batch.width, batch.readout);
  };
  return recorded_ ? recorded_->run(batch, pass) : pass();
}

void GpuTransformer::keep(const at::Tensor& embeddings, const Readout& readout, std::size_t begin,
                          std::size_t count) const {
  const at::Tensor stored = embeddings.to(readout.halves ? at::kHalf : at::kFloat);
  const std::size_t bytes = stored.element_size();
  cuda::copy(readout.kept_on_gpu + begin * bytes, static_cast<const std::byte*>(stored.data_ptr()), count * bytes,
             compute_);
}

std::future<GpuTransformer::Features> GpuTransformer::begin_forward(std::span<const Image* const> images,
                                                                    const PixelScaling& scaling, GridSize grid,
                                                                    const Readout& readout, const Batching& batching) {
  Features features{grid, {}, {}};
  if (images.empty()) return ready_future(std::move(features));
  const std::size_t row = static_cast<std::size_t>(grid.patches()) * static_cast<std::size_t>(architecture_.dim);
  const auto cls_row = static_cast<std::size_t>(architecture_.image_vector_dim);
  // Filled batch by batch: to write zeros to all of a shard first would take as long as its batches do.
  if (readout.embeddings) {
    readout.halves ? features.halves.reserve(images.size() * row) : features.embeddings.reserve(images.size() * row);
  }
  if (readout.cls) features.cls.reserve(images.size() * cls_row);
  // The same work whether the host takes floats or halves.
  const Readout of_model{readout.layer, readout.feature, readout.cls, readout.embeddings, false};
  const auto submit = [&](Slot& slot, std::size_t begin, std::size_t count) {
    const auto result = read({.images = uploaded(slot, images.subspan(begin, count), batching.batch_size),
                              .places = batching.batch_size,
                              .height = images.front()->height,
                              .width = images.front()->width,
                              .grid = grid,
                              .bgr = scaling.bgr,
                              .readout = of_model});
    if (readout.kept_on_gpu != nullptr) keep(result.embeddings, readout, begin * row, count * row);
    if (readout.embeddings) slot.embeddings.start(result.embeddings, compute_, to_host_);
    if (readout.cls) slot.cls.start(result.cls, compute_, to_host_);
  };
  const auto collect = [this, readout, row, cls_row](Features& all, Slot& slot, std::size_t begin, std::size_t count) {
    const auto take = [&](Download& from, auto& to, std::size_t width, int threads) {
      to.resize((begin + count) * width);
      from.finish(std::span(to).subspan(begin * width), width, threads);
    };
    if (readout.embeddings && readout.halves) take(slot.embeddings, all.halves, row, threads_);
    if (readout.embeddings && !readout.halves) take(slot.embeddings, all.embeddings, row, threads_);
    if (readout.cls) take(slot.cls, all.cls, cls_row, 1);
  };
  return begin(
      std::move(features), images.size(), batching, [&] { scaled_.use(scaling, compute_); }, submit, collect);
}

std::future<std::vector<float>> GpuTransformer::begin_crop_vectors(const SegmentCrops& crops,
                                                                   const PixelScaling& scaling, GridSize grid,
                                                                   const Batching& batching) {
  const auto row = static_cast<std::size_t>(architecture_.image_vector_dim);
  std::vector<float> vectors(crops.places.size() * row);
  if (crops.places.empty()) return ready_future(std::move(vectors));
  const Readout readout{.layer = static_cast<std::size_t>(architecture_.depth - 1),
                        .feature = PatchFeature::key,
                        .cls = true,
                        .embeddings = false};
  const std::uint8_t* images = nullptr;
  const std::int16_t* maps = nullptr;
  const auto prepare = [&] {
    scaled_.use(scaling, compute_);
    // The images stay on the device; each crop is cut from them there.
    images = with_spare_memory([&] { return inputs_.put(crops.images, crops.images.size(), threads_, compute_); });
    maps = with_spare_memory([&] { return maps_.put(crops.segment_maps, compute_); });
  };
  const int size = crops.crop_size;
  const auto submit = [&](Slot& slot, std::size_t begin, std::size_t count) {
    const gpu_layers::CropPlan plan(crops.places.subspan(begin, count), crops.grid, crops.patch, crops.crop_resize,
                                    size, threads_);
    const auto places = static_cast<std::size_t>(batching.batch_size);
    const std::size_t bytes = places * static_cast<std::size_t>(size) * static_cast<std::size_t>(size) * 3;
    with_spare_memory([&] {
      if (slot.cut.size() < bytes) slot.cut = cuda::DeviceArray<std::uint8_t>(bytes, "memory for crops");
      cuda::clear(slot.cut.data(), bytes, compute_);
      slot.crops.cut(plan, places, images, maps, slot.cut.data(), compute_);
    });
    const auto result = read({.images = slot.cut.data(),
                              .places = batching.batch_size,
                              .height = size,
                              .width = size,
                              .grid = grid,
                              .bgr = scaling.bgr,
                              .readout = readout});
    slot.cls.start(result.cls, compute_, to_host_);
  };
  const auto collect = [row](std::vector<float>& all, Slot& slot, std::size_t begin, std::size_t count) {
    slot.cls.finish(std::span(all).subspan(begin * row, count * row), row, 1);
  };
  return begin(std::move(vectors), crops.places.size(), batching, prepare, submit, collect);
}

std::future<std::vector<float>> GpuTransformer::begin_segment_cls(std::span<const Image* const> images,
                                                                  const PixelScaling& scaling, GridSize grid,
                                                                  std::span<const std::int16_t> segment_maps,
                                                                  std::span<const int> segments,
                                                                  const Batching& batching) {
  if (images.empty()) return ready_future(std::vector<float>());
  const auto dim = static_cast<std::size_t>(architecture_.dim);
  const Image& first = *images.front();
  const auto patches_per_image = static_cast<std::size_t>(grid.patches());
  const auto submit = [&](Slot& slot, std::size_t begin, std::size_t count) {
    const at::Tensor patches = patches_of(uploaded(slot, images.subspan(begin, count), batching.batch_size),
                                          batching.batch_size, first.height, first.width, grid, scaling.bgr);
    std::vector<int> counts(static_cast<std::size_t>(batching.batch_size), 0);
    std::copy_n(segments.begin() + static_cast<std::ptrdiff_t>(begin), count, counts.begin());
    std::vector<std::int16_t> numbers(counts.size() * patches_per_image, -1);
    std::copy_n(segment_maps.begin() + static_cast<std::ptrdiff_t>(begin * patches_per_image),
                count * patches_per_image, numbers.begin());
    const auto* const on_device = with_spare_memory([&] { return slot.maps.put(numbers, compute_); });
    // LibTorch has no view of constant data; nothing writes to this one.
    const at::Tensor maps = at::from_blob(const_cast<std::int16_t*>(on_device), {batching.batch_size, grid.patches()},
                                          at::TensorOptions(model_->device()).dtype(at::kShort));
    const auto found = model_->segment_cls(patches, grid, first.height == first.width, maps, counts);
    slot.embeddings.start(at::cat(found), compute_, to_host_);
  };
  const std::vector<int> counts(segments.begin(), segments.end());
  const auto collect = [counts, dim](std::vector<float>& all, Slot& slot, std::size_t begin, std::size_t count) {
    std::size_t rows = 0;
    for (std::size_t i = begin; i < begin + count; ++i) rows += static_cast<std::size_t>(counts[i]);
    const std::size_t before = all.size();
    all.resize(before + rows * dim);
    slot.embeddings.finish(std::span(all).subspan(before), dim, 1);
  };
  return begin(
      std::vector<float>(), images.size(), batching, [&] { scaled_.use(scaling, compute_); }, submit, collect);
}

GpuTransformer::Features GpuTransformer::forward(std::span<const float> images, int batch, int height, int width,
                                                 GridSize grid, const Readout& readout) {
  return on_gpu([&] {
    const std::int64_t p = architecture_.patch;
    const at::Tensor patches = at::from_blob(const_cast<float*>(images.data()), {batch, 3, height, width}, at::kFloat)
                                   .narrow(2, 0, grid.rows * p)
                                   .narrow(3, 0, grid.cols * p)
                                   .reshape({batch, 3, grid.rows, p, grid.cols, p})
                                   .permute({0, 2, 4, 1, 3, 5})
                                   .reshape({batch, grid.patches(), 3 * p * p})
                                   .to(model_->device())
                                   .to(model_->number());
    const auto result = model_->read(patches, grid, height == width, readout);
    Features features{grid, {}, {}};
    const auto read = [](const at::Tensor& tensor, std::vector<float>& to) {
      if (!tensor.defined()) return;
      const at::Tensor values = tensor.to(at::kFloat).cpu().contiguous();
      to.assign(values.data_ptr<float>(), values.data_ptr<float>() + values.numel());
    };
    read(result.embeddings, features.embeddings);
    read(result.cls, features.cls);
    return features;
  });
}

}  // namespace

std::unique_ptr<DeviceTransformer> make_gpu_transformer(const ViTArchitecture& architecture, const ViTWeights& weights,
                                                        TokenBase& token_base, int gpu, Precision precision,
                                                        bool cuda_graphs, int threads) {
  // Its streams and memory are made on this GPU.
  cuda::use_gpu(gpu);
  return std::make_unique<GpuTransformer>(architecture, weights, token_base, gpu, precision, cuda_graphs, threads);
}

}  // namespace datus
