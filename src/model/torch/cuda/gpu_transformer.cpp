// SPDX-License-Identifier: Apache-2.0
#include "model/torch/cuda/gpu_transformer.hpp"

#include "datus/core/cuda/check.hpp"
#include "datus/core/error.hpp"
#include "datus/core/gpu.hpp"
#include "datus/core/log.hpp"
#include "model/torch/cuda/layer_kernels.hpp"
#include "model/torch/cuda/math_modes.hpp"
#include "model/torch/cuda/memory_errors.hpp"
#include "model/torch/cuda/number_types.hpp"
#include "model/torch/cuda/spare_memory.hpp"
#include "model/torch/cuda/torch_gpu.hpp"

#include <exception>
#include <memory>
#include <string>

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <c10/core/InferenceMode.h>
#include <c10/util/Exception.h>

namespace datus {

void GpuTransformer::on_gpu(const std::function<void()>& body) {
  const std::scoped_lock lock(mutex_);
  cuda::use_gpu(gpu_);
  const c10::InferenceMode inference;
  const torch_gpu::OnStream on_stream(compute_, gpu_);
  try {
    body();
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
    crops_ = {};
    // LibTorch keeps what was freed for itself; the next stage has other uses for it.
    torch_gpu::give_spare_memory_back();
  } catch (const std::exception& error) {
    log::warning(std::string("the GPU's memory could not be given back: ") + error.what());
  }
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

GpuTransformer::Features GpuTransformer::forward(std::span<const float> images, int batch, int height, int width,
                                                 GridSize grid, const Readout& readout) {
  Features features{grid, {}, {}};
  on_gpu([&] {
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
    const auto read = [](const at::Tensor& tensor, std::vector<float>& to) {
      if (!tensor.defined()) return;
      const at::Tensor values = tensor.to(at::kFloat).cpu().contiguous();
      to.assign(values.data_ptr<float>(), values.data_ptr<float>() + values.numel());
    };
    read(result.embeddings, features.embeddings);
    read(result.cls, features.cls);
  });
  return features;
}

std::unique_ptr<DeviceTransformer> make_gpu_transformer(const ViTArchitecture& architecture, const ViTWeights& weights,
                                                        TokenBase& token_base, int gpu, Precision precision,
                                                        bool cuda_graphs, int threads) {
  // Its streams and memory are made on this GPU.
  cuda::use_gpu(gpu);
  return std::make_unique<GpuTransformer>(architecture, weights, token_base, gpu, precision, cuda_graphs, threads);
}

}  // namespace datus
