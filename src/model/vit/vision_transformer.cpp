// SPDX-License-Identifier: Apache-2.0
#include "datus/model/vision_transformer.hpp"

#include "datus/core/error.hpp"
#include "datus/core/text.hpp"
#include "datus/model/backend.hpp"
#include "model/vit/transformer.hpp"

#include <utility>

#include <dlfcn.h>

namespace datus {

const char* to_string(Precision precision) noexcept {
  switch (precision) {
    case Precision::bfloat16:
      return "bfloat16";
    case Precision::float16:
      return "float16";
    case Precision::float32:
      break;
  }
  return "float32";
}

std::string torch_backend() {
  return transformer_library().torch_backend();
}
std::filesystem::path transformer_library_file() {
  Dl_info info{};
  const bool found = ::dladdr(reinterpret_cast<void*>(transformer_library().torch_backend), &info) != 0;
  if (!found || info.dli_fname == nullptr) {
    throw SystemError("The library that runs models is not found", "dladdr does not know it", "Report this.");
  }
  return std::filesystem::absolute(info.dli_fname);
}
std::string gpu_backend(int gpu, Precision precision) {
  return transformer_library().gpu_backend(gpu, precision);
}

GridSize Transformer::grid(int height, int width) const {
  const int patch = architecture().patch;
  const GridSize grid{height / patch, width / patch};
  if (grid.rows >= 1 && grid.cols >= 1) return grid;
  throw UsageError("an input of " + dimensions_text(height, width) + " pixels is too small",
                   "a patch has " + dimensions_text(patch, patch), "Use a larger model.input_size.");
}

int Transformer::image_vector_dim(int height, int width) const {
  const ViTArchitecture& model = architecture();
  const bool native = height == width && height / model.patch == model.native_grid;
  return model.has_cls || native ? model.image_vector_dim : 0;
}

VisionTransformer VisionTransformer::load(const std::filesystem::path& path, const ViTOptions& options) {
  return VisionTransformer(transformer_library().load(path, options));
}

VisionTransformer::VisionTransformer(std::unique_ptr<Transformer> transformer) : transformer_(std::move(transformer)) {}
VisionTransformer::~VisionTransformer() = default;
VisionTransformer::VisionTransformer(VisionTransformer&&) noexcept = default;
VisionTransformer& VisionTransformer::operator=(VisionTransformer&&) noexcept = default;

const ViTArchitecture& VisionTransformer::architecture() const noexcept {
  return transformer_->architecture();
}
const Preprocessing& VisionTransformer::preprocessing() const noexcept {
  return transformer_->preprocessing();
}
Hash VisionTransformer::weights_hash() const noexcept {
  return transformer_->weights_hash();
}
GridSize VisionTransformer::grid(int height, int width) const {
  return transformer_->grid(height, width);
}
int VisionTransformer::image_vector_dim(int height, int width) const {
  return transformer_->image_vector_dim(height, width);
}

VisionTransformer::Features VisionTransformer::forward(std::span<const float> images, int batch, int height, int width,
                                                       const Request& request) const {
  return transformer_->forward(images, batch, height, width, request);
}
std::future<VisionTransformer::Features> VisionTransformer::begin_forward(std::span<const Image* const> images,
                                                                          const PixelScaling& scaling,
                                                                          const Request& request,
                                                                          const Batching& batching) const {
  return transformer_->begin_forward(images, scaling, request, batching);
}
VisionTransformer::Features VisionTransformer::forward(std::span<const Image* const> images,
                                                       const PixelScaling& scaling, const Request& request,
                                                       const Batching& batching) const {
  return begin_forward(images, scaling, request, batching).get();
}
std::future<std::vector<float>> VisionTransformer::begin_crop_vectors(const SegmentCrops& crops,
                                                                      const PixelScaling& scaling,
                                                                      const Batching& batching) const {
  return transformer_->begin_crop_vectors(crops, scaling, batching);
}
std::vector<float> VisionTransformer::crop_vectors(const SegmentCrops& crops, const PixelScaling& scaling,
                                                   const Batching& batching) const {
  return begin_crop_vectors(crops, scaling, batching).get();
}
std::vector<float> VisionTransformer::segment_cls(std::span<const float> image, int height, int width,
                                                  std::span<const std::int16_t> segment_map, int segments) const {
  return transformer_->segment_cls(image, height, width, segment_map, segments);
}
std::future<std::vector<float>> VisionTransformer::begin_segment_cls(std::span<const Image* const> images,
                                                                     const PixelScaling& scaling,
                                                                     std::span<const std::int16_t> segment_maps,
                                                                     std::span<const int> segments,
                                                                     const Batching& batching) const {
  return transformer_->begin_segment_cls(images, scaling, segment_maps, segments, batching);
}
std::vector<float> VisionTransformer::segment_cls(std::span<const Image* const> images, const PixelScaling& scaling,
                                                  std::span<const std::int16_t> segment_maps,
                                                  std::span<const int> segments, const Batching& batching) const {
  return begin_segment_cls(images, scaling, segment_maps, segments, batching).get();
}

}  // namespace datus
