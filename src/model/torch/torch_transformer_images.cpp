// SPDX-License-Identifier: Apache-2.0
#include "datus/core/error.hpp"
#include "datus/core/parallel.hpp"
#include "datus/core/ready_future.hpp"
#include "datus/core/text.hpp"
#include "datus/model/masked_crop.hpp"
#include "model/torch/torch_transformer.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace datus {
namespace {

/// Calls body(begin, count) for batches of `total` things: four for each thread, so that who waits is told often and
/// threads wait little.
template <class Body>
void for_each_batch(std::size_t total, const Transformer::Batching& batching, int threads, const Body& body) {
  const auto size = 4 * static_cast<std::size_t>(threads);
  for (std::size_t begin = 0; begin < total; begin += size) {
    if (batching.before_each_batch) batching.before_each_batch(begin);
    body(begin, std::min(size, total - begin));
  }
}

/// Normalised images side by side, [images, 3, height, width].
std::vector<float> normalised(std::span<const Image* const> images, const PixelScaling& scaling, int threads) {
  const std::size_t one = images.front()->pixels.size();
  std::vector<float> batch(one * images.size());
  parallel_for(static_cast<std::int64_t>(images.size()), threads, [&](std::int64_t i) {
    const auto index = static_cast<std::size_t>(i);
    normalise(*images[index], scaling.mean, scaling.standard_deviation, scaling.bgr,
              std::span(batch).subspan(index * one, one));
  });
  return batch;
}

void require_equal_sizes(std::span<const Image* const> images) {
  for (const Image* image : images) {
    if (image->height == images.front()->height && image->width == images.front()->width) continue;
    throw SystemError("images of different sizes in one batch",
                      dimensions_text(image->height, image->width) + " pixels beside " +
                          dimensions_text(images.front()->height, images.front()->width),
                      "Resize them first.");
  }
}

template <class Values>
void append(Values& to, const Values& values) {
  to.insert(to.end(), values.begin(), values.end());
}

/// Throws where `masked_crop` would: a segment that is not in its box.
void require_segments(const SegmentCrops& crops) {
  for (const CropPlace& place : crops.places) {
    const auto map = crops.segment_map(place.image);
    bool found = false;
    for (int row = place.box.row; row < place.box.row + place.box.rows && !found; ++row) {
      const auto first = map.begin() + row * crops.grid.cols + place.box.col;
      found = std::find(first, first + place.box.cols, place.segment) != first + place.box.cols;
    }
    if (found) continue;
    throw InputError("Segment " + std::to_string(place.segment) + " has no patch in its box",
                     "the boxes and the segment map do not belong together", "Make the segments again.");
  }
}

}  // namespace

std::future<Transformer::Features> TorchTransformer::begin_forward(std::span<const Image* const> images,
                                                                   const PixelScaling& scaling, const Request& request,
                                                                   const Batching& batching) const {
  if (images.empty()) return ready_future(Features{});
  require_equal_sizes(images);
  if (!state_->device) {
    if (request.kept_on_gpu != nullptr) {
      throw SystemError("embeddings are to stay on a GPU", "the model runs on the CPU", "Ask for them without that.");
    }
    return ready_future(forward(images, scaling, request, batching));
  }
  const int height = images.front()->height;
  const int width = images.front()->width;
  if (request.cls) require_image_vector(height, width);
  const Readout readout{.layer = state_->layer_number(request.layer),
                        .feature = request.feature,
                        .cls = request.cls,
                        .halves = request.halves,
                        .kept_on_gpu = request.kept_on_gpu};
  return state_->device->begin_forward(images, scaling, grid(height, width), readout, batching);
}

Transformer::Features TorchTransformer::forward(std::span<const Image* const> images, const PixelScaling& scaling,
                                                const Request& request, const Batching& batching) const {
  const int height = images.front()->height;
  const int width = images.front()->width;
  Features all{grid(height, width), {}, {}};
  for_each_batch(images.size(), batching, state_->threads, [&](std::size_t begin, std::size_t count) {
    Features part = forward(normalised(images.subspan(begin, count), scaling, state_->threads), static_cast<int>(count),
                            height, width, request);
    if (count == images.size()) {
      all = std::move(part);
      return;
    }
    all.embeddings.reserve(part.embeddings.size() / count * images.size());
    all.halves.reserve(part.halves.size() / count * images.size());
    append(all.embeddings, part.embeddings);
    append(all.halves, part.halves);
    append(all.cls, part.cls);
  });
  return all;
}

std::future<std::vector<float>> TorchTransformer::begin_crop_vectors(const SegmentCrops& crops,
                                                                     const PixelScaling& scaling,
                                                                     const Batching& batching) const {
  const int size = crops.crop_size;
  if (size < 1 || size > crops.crop_resize) {
    throw UsageError("Cannot cut " + dimensions_text(size, size) + " pixels from a crop",
                     "its shorter side is resized to " + std::to_string(crops.crop_resize),
                     "Set descriptor.crop_size to at least 1 and at most descriptor.crop_resize.");
  }
  require_image_vector(size, size);
  if (!state_->device) return ready_future(crop_vectors(crops, scaling, batching));
  require_equal_sizes(crops.images);
  require_segments(crops);
  return state_->device->begin_crop_vectors(crops, scaling, grid(size, size), batching);
}

std::vector<float> TorchTransformer::crop_vectors(const SegmentCrops& crops, const PixelScaling& scaling,
                                                  const Batching& batching) const {
  const int size = crops.crop_size;
  std::vector<float> vectors;
  for_each_batch(crops.places.size(), batching, state_->threads, [&](std::size_t begin, std::size_t count) {
    std::vector<Image> images(count);
    parallel_for(static_cast<std::int64_t>(count), state_->threads, [&](std::int64_t i) {
      const auto index = static_cast<std::size_t>(i);
      const CropPlace& place = crops.places[begin + index];
      images[index] = masked_crop(*crops.images[static_cast<std::size_t>(place.image)], crops.segment_map(place.image),
                                  crops.grid, crops.patch, place.segment, place.box, crops.crop_resize, size);
    });
    std::vector<const Image*> pointers;
    for (const Image& image : images) pointers.push_back(&image);
    // The CLS alone is wanted: keys are the by-product that spares the last block's other tokens.
    const Request request{.feature = PatchFeature::key, .layer = -1, .cls = true};
    append(vectors,
           forward(normalised(pointers, scaling, state_->threads), static_cast<int>(count), size, size, request).cls);
  });
  return vectors;
}

std::future<std::vector<float>> TorchTransformer::begin_segment_cls(std::span<const Image* const> images,
                                                                    const PixelScaling& scaling,
                                                                    std::span<const std::int16_t> segment_maps,
                                                                    std::span<const int> segments,
                                                                    const Batching& batching) const {
  if (images.empty()) return ready_future(std::vector<float>());
  require_equal_sizes(images);
  require_cls();
  const GridSize size = grid(images.front()->height, images.front()->width);
  const auto patches = static_cast<std::size_t>(size.patches());
  check_size(segment_maps.size(), images.size() * patches, "the segment maps of some images");
  check_size(segments.size(), images.size(), "the numbers of segments of some images");
  if (!state_->device) return ready_future(segment_cls(images, scaling, segment_maps, segments, batching));
  for (std::size_t i = 0; i < images.size(); ++i) {
    check_segment_map(segment_maps.subspan(i * patches, patches), segments[i]);
  }
  return state_->device->begin_segment_cls(images, scaling, size, segment_maps, segments, batching);
}

std::vector<float> TorchTransformer::segment_cls(std::span<const Image* const> images, const PixelScaling& scaling,
                                                 std::span<const std::int16_t> segment_maps,
                                                 std::span<const int> segments, const Batching& batching) const {
  const int height = images.front()->height;
  const int width = images.front()->width;
  const auto patches = static_cast<std::size_t>(grid(height, width).patches());
  std::vector<std::vector<float>> parts(images.size());
  for_each_batch(images.size(), batching, state_->threads, [&](std::size_t begin, std::size_t count) {
    parallel_for(static_cast<std::int64_t>(count), state_->threads, [&](std::int64_t i) {
      const std::size_t index = begin + static_cast<std::size_t>(i);
      if (segments[index] <= 0) return;
      parts[index] = segment_cls(normalised(images.subspan(index, 1), scaling, 1), height, width,
                                 segment_maps.subspan(index * patches, patches), segments[index]);
    });
  });
  std::vector<float> vectors;
  for (const auto& part : parts) append(vectors, part);
  return vectors;
}

}  // namespace datus
