// SPDX-License-Identifier: Apache-2.0
#include "datus/core/ready_future.hpp"
#include "model/torch/cuda/gpu_transformer.hpp"
#include "model/torch/cuda/spare_memory.hpp"

#include <algorithm>
#include <cstddef>
#include <future>
#include <memory>
#include <utility>
#include <vector>

#include <ATen/ops/cat.h>
#include <ATen/ops/from_blob.h>

namespace datus {

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
  const auto vectors = std::make_shared<std::vector<float>>(crops.places.size() * row);
  if (crops.places.empty()) return ready_future(std::move(*vectors));
  const CropBatches::Shape shape{batching.batch_size, crops.crop_size, grid, scaling};
  const auto launch = [&](const CropBatches::Batch& batch, std::size_t begun) {
    const auto size = static_cast<std::size_t>(batching.batch_size);
    if (batching.before_each_batch) batching.before_each_batch(begun - std::min(begun, size));
    submit(batch, batching);
  };
  on_gpu([&] {
    try {
      if (batching.before_each_batch) batching.before_each_batch(0);
      const auto* const images =
          with_spare_memory([&] { return inputs_.put(crops.images, crops.images.size(), threads_, compute_); });
      const auto* const maps = with_spare_memory([&] { return maps_.put(crops.segment_maps, compute_); });
      crops_.add({crops, images, maps, vectors}, shape, threads_, compute_, launch);
    } catch (...) {
      crops_.drop(vectors);
      under_way_.drop(vectors.get());
      throw;
    }
  });
  return std::async(std::launch::deferred, [this, vectors, batching] {
    on_gpu([&] {
      crops_.launch_those_of(vectors, [&](const auto& batch, std::size_t /*begun*/) { submit(batch, batching); });
      under_way_.collect(vectors.get());
    });
    return std::move(*vectors);
  });
}

void GpuTransformer::submit(const CropBatches::Batch& crops, const Batching& batching) {
  scaled_.use(crops.shape.scaling, compute_);
  const std::size_t place = under_way_.free_place();
  Slot& slot = slots_[place];
  const std::size_t bytes = crops.pixels.size();
  if (slot.crops.size() < bytes) {
    with_spare_memory([&] { slot.crops = cuda::DeviceArray<std::uint8_t>(bytes, "memory for crops"); });
  }
  // The next crops may come to where these were cut.
  cuda::copy(slot.crops.data(), crops.pixels.data(), bytes, compute_);
  const auto result = read({.images = slot.crops.data(),
                            .places = crops.shape.places,
                            .height = crops.shape.size,
                            .width = crops.shape.size,
                            .grid = crops.shape.grid,
                            .bgr = crops.shape.scaling.bgr,
                            .readout = {.layer = static_cast<std::size_t>(architecture_.depth - 1),
                                        .feature = PatchFeature::key,
                                        .cls = true,
                                        .embeddings = false}});
  slot.cls.start(result.cls, compute_, to_host_);
  std::vector<const void*> calls;
  for (const auto& seat : crops.seats) {
    if (seat.vectors && std::ranges::count(calls, seat.vectors.get()) == 0) calls.push_back(seat.vectors.get());
  }
  under_way_.add(place, std::move(calls), [&slot, seats = crops.seats, row = architecture_.image_vector_dim] {
    const auto width = static_cast<std::size_t>(row);
    std::vector<float> found(seats.size() * width);
    slot.cls.finish(std::span(found), width, 1);
    for (std::size_t i = 0; i < seats.size(); ++i) {
      if (!seats[i].vectors) continue;
      std::copy_n(found.begin() + static_cast<std::ptrdiff_t>(i * width), width,
                  seats[i].vectors->begin() + static_cast<std::ptrdiff_t>(seats[i].crop * width));
    }
  });
  if (batching.at_crops) batching.at_crops(crops.taken);
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

}  // namespace datus
