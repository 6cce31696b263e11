// SPDX-License-Identifier: Apache-2.0
#include "datus/core/gpu.hpp"
#include "datus/core/half.hpp"
#include "datus/core/ready_future.hpp"
#include "datus/model/masked_crop.hpp"
#include "model/torch/torch_backend.hpp"
#include "model/torch/torch_transformer.hpp"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include <c10/core/InferenceMode.h>
#include <cuda_runtime.h>

// The model on an emulated GPU, for tests of what stands around it: the CPU's arithmetic, image by image, and a memory
// that is soon full. The real one needs LibTorch's part for GPUs (src/model/torch/cuda).

namespace datus {
namespace {

class EmulatedTransformer final : public DeviceTransformer {
 public:
  EmulatedTransformer(const ViTArchitecture& architecture, const ViTWeights& weights) {
    model_.architecture = architecture;
    model_.weights = weights;
  }

  std::future<Features> begin_forward(std::span<const Image* const> images, const PixelScaling& scaling, GridSize grid,
                                      const Readout& readout, const Batching& batching) override {
    Features all{grid, {}, {}};
    const auto size = static_cast<std::size_t>(batching.batch_size);
    for (std::size_t begin = 0; begin < images.size(); begin += size) {
      if (batching.before_each_batch) batching.before_each_batch(begin);
      require_memory(batching.batch_size, *images.front());
      const std::size_t end = std::min(begin + size, images.size());
      for (std::size_t i = begin; i < end; ++i) add(*images[i], scaling, grid, readout, all);
    }
    if (readout.halves) {
      all.halves.resize(all.embeddings.size());
      to_half(all.embeddings, all.halves);
      all.embeddings.clear();
    }
    if (readout.kept_on_gpu != nullptr) {
      cuda_emulation::with_device([&] {
        if (readout.halves) {
          std::memcpy(readout.kept_on_gpu, all.halves.data(), all.halves.size() * sizeof(half));
        } else {
          std::memcpy(readout.kept_on_gpu, all.embeddings.data(), all.embeddings.size() * sizeof(float));
        }
      });
    }
    return ready_future(std::move(all));
  }

  std::future<std::vector<float>> begin_crop_vectors(const SegmentCrops& crops, const PixelScaling& scaling,
                                                     GridSize grid, const Batching& batching) override {
    std::vector<Image> cut;
    for (const CropPlace& place : crops.places) {
      cut.push_back(masked_crop(*crops.images[static_cast<std::size_t>(place.image)], crops.segment_map(place.image),
                                crops.grid, crops.patch, place.segment, place.box, crops.crop_resize, crops.crop_size));
    }
    std::vector<const Image*> images;
    for (const Image& image : cut) images.push_back(&image);
    if (images.empty()) return ready_future(std::vector<float>());
    const auto last = static_cast<std::size_t>(model_.architecture.depth - 1);
    const Readout readout{.layer = last, .feature = PatchFeature::key, .cls = true};
    return ready_future(begin_forward(images, scaling, grid, readout, batching).get().cls);
  }

  std::future<std::vector<float>> begin_segment_cls(std::span<const Image* const>, const PixelScaling&, GridSize,
                                                    std::span<const std::int16_t>, std::span<const int>,
                                                    const Batching&) override {
    throw SystemError("masked_cls on an emulated GPU", "it is not emulated", "Use masked_crop in this test.");
  }

  Features forward(std::span<const float>, int, int, int, GridSize, const Readout&) override {
    throw SystemError("a batch of numbers on an emulated GPU", "it is not emulated", "Give images in this test.");
  }

 private:
  /// As if a batch took its images as float32.
  static void require_memory(int batch_size, const Image& image) {
    const std::size_t bytes = static_cast<std::size_t>(batch_size) * image.pixels.size() * sizeof(float);
    if (bytes <= cuda_emulation::machine().memory) return;
    throw DeviceMemoryError("The emulated GPU's memory does not suffice", "out of memory", "Use a smaller batch.");
  }

  void add(const Image& image, const PixelScaling& scaling, GridSize grid, const Readout& readout, Features& all) {
    const c10::InferenceMode inference;
    std::vector<float> pixels(image.pixels.size());
    normalise(image, scaling.mean, scaling.standard_deviation, scaling.bgr, pixels);
    std::vector<float> embeddings(static_cast<std::size_t>(grid.patches()) *
                                  static_cast<std::size_t>(model_.architecture.dim));
    std::vector<float> cls(readout.cls ? static_cast<std::size_t>(model_.architecture.image_vector_dim) : 0);
    model_.read(model_.embed(pixels, image.height, image.width, grid), readout, embeddings, cls);
    all.embeddings.insert(all.embeddings.end(), embeddings.begin(), embeddings.end());
    all.cls.insert(all.cls.end(), cls.begin(), cls.end());
  }

  TorchTransformer::State model_;
};

}  // namespace

std::unique_ptr<DeviceTransformer> make_gpu_transformer(const ViTArchitecture& architecture, const ViTWeights& weights,
                                                        TokenBase& /*token_base*/, int /*gpu*/, Precision /*precision*/,
                                                        bool /*cuda_graphs*/, int /*threads*/) {
  return std::make_unique<EmulatedTransformer>(architecture, weights);
}

std::string backend_of_gpu(int /*gpu*/, Precision precision) {
  return std::string("emulated GPU, ") + to_string(precision);
}

}  // namespace datus
