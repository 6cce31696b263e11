// SPDX-License-Identifier: Apache-2.0
#include "model/pixels/cuda/crop_plan.hpp"

#include "datus/core/error.hpp"
#include "datus/core/parallel.hpp"
#include "datus/core/text.hpp"
#include "model/pixels/axis_table.hpp"
#include "model/pixels/centre_crop.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <string>

namespace datus::gpu_layers {
namespace {

/// The two passes of one crop.
struct Tables {
  std::unique_ptr<AxisTable> horizontal;
  std::unique_ptr<AxisTable> vertical;
};

Tables tables_of(PatchBox box, int patch, int crop_resize, int crop_size) {
  const int height = box.rows * patch;
  const int width = box.cols * patch;
  const int shorter = std::min(height, width);
  const int resized_height = proportional_side(crop_resize, height, shorter);
  const int resized_width = proportional_side(crop_resize, width, shorter);
  const auto table = [&](int in, int out) {
    return std::make_unique<AxisTable>(in, out, centre_offset(out, crop_size), crop_size, Resample::bicubic);
  };
  return {table(width, resized_width), table(height, resized_height)};
}

void require_inside(const CropPlace& place, GridSize grid) {
  const PatchBox& box = place.box;
  const bool inside = box.row >= 0 && box.col >= 0 && box.rows >= 1 && box.cols >= 1 &&
                      box.row + box.rows <= grid.rows && box.col + box.cols <= grid.cols;
  if (inside) return;
  throw InputError("The box of segment " + std::to_string(place.segment) + " is unusable",
                   dimensions_text(box.rows, box.cols) + " patches at row " + std::to_string(box.row) + ", column " +
                       std::to_string(box.col) + " in a grid of " + dimensions_text(grid.rows, grid.cols),
                   "Make the segments again.");
}

int most_taps(const AxisTable& table) {
  int most = 0;
  for (const auto& window : table.windows()) most = std::max(most, window.count);
  return most;
}

}  // namespace

CropRoom CropRoom::of_any_box(GridSize grid, int patch, int crop_resize, int crop_size) {
  const int height = grid.rows * patch;
  const double shorter = std::min(height, grid.cols * patch);
  const double resized = crop_resize;
  // A longer side is resized to whole pixels, which `proportional_side` rounds down: by less than one pixel of at least
  // `resized`, so by a factor of less than (resized + 1) / resized.
  const double scale = shorter / resized * (resized + 1) / resized;
  const double window = 2 * 2 * std::max(scale, 1.0);  // bicubic
  // One more than these, for the rounding of their ends.
  const auto taps = static_cast<std::size_t>(std::ceil(window)) + 1;
  const auto rows = static_cast<std::size_t>(std::ceil((crop_size - 1) * scale + window)) + 1;
  const auto pixels = static_cast<std::size_t>(crop_size);
  return {2 * pixels * (2 + taps), std::min(rows, static_cast<std::size_t>(height))};
}

CropPlan::CropPlan(std::span<const CropPlace> places, GridSize grid, int patch, int crop_resize, int crop_size,
                   int threads, std::span<const std::int32_t> to)
    : grid_(grid),
      patch_(patch),
      crop_size_(crop_size),
      largest_(CropRoom::of_any_box(grid, patch, crop_resize, crop_size)) {
  for (const CropPlace& place : places) require_inside(place, grid);
  std::vector<Tables> tables(places.size());
  parallel_for(static_cast<std::int64_t>(places.size()), threads, [&](std::int64_t i) {
    const auto index = static_cast<std::size_t>(i);
    tables[index] = tables_of(places[index].box, patch, crop_resize, crop_size);
  });
  const auto add = [&](const AxisTable& table) {
    const CropAxis axis{checked_cast<std::int32_t>(firsts_.size(), "the windows of crops"),
                        checked_cast<std::int32_t>(weights_.size(), "the weights of crops"), most_taps(table)};
    for (const auto& window : table.windows()) {
      firsts_.push_back(static_cast<std::int32_t>(window.first));
      counts_.push_back(window.count);
      weights_.insert(weights_.end(), window.weights, window.weights + window.count);
      weights_.insert(weights_.end(), static_cast<std::size_t>(axis.taps - window.count), 0);
    }
    return axis;
  };
  for (std::size_t i = 0; i < places.size(); ++i) {
    const AxisTable& vertical = *tables[i].vertical;
    const int rows = vertical.end() - vertical.begin();
    crops_.push_back({places[i].image, places[i].segment, to.empty() ? static_cast<std::int32_t>(i) : to[i],
                      places[i].box.row * patch, places[i].box.col * patch, vertical.begin(), rows,
                      checked_cast<std::int32_t>(all_rows_, "the rows of crops"), add(*tables[i].horizontal),
                      add(vertical)});
    most_rows_ = std::max(most_rows_, rows);
    all_rows_ += rows;
  }
}

template <class T>
void CropBuffers::Both<T>::make_room(std::size_t size) {
  // Each by itself: where there is no memory for one of them, the next batch finds them as they are.
  if (host.size() < size) host = cuda::PinnedArray<T>(size);
  if (device.size() < size) device = cuda::DeviceArray<T>(size, "memory for the windows of crops");
}

template <class T>
const T* CropBuffers::Both<T>::upload(std::span<const T> values, const cuda::Stream& stream) {
  std::memcpy(host.data(), values.data(), values.size_bytes());
  cuda::copy(device.data(), host.data(), values.size(), stream);
  return device.data();
}

void CropBuffers::cut(const CropPlan& plan, std::size_t places, const std::uint8_t* images,
                      const std::int16_t* segment_maps, std::uint8_t* out, const cuda::Stream& stream) {
  uploaded_.wait();
  const std::size_t bytes = places * plan.largest_.rows * static_cast<std::size_t>(plan.crop_size_) * 3;
  numbers_.make_room(places * plan.largest_.numbers);
  crops_.make_room(places);
  if (middle_.size() < bytes) middle_ = cuda::DeviceArray<std::uint8_t>(bytes, "memory for crops");
  std::vector<std::int32_t> numbers;
  for (const auto* part : {&plan.firsts_, &plan.counts_, &plan.weights_}) {
    numbers.insert(numbers.end(), part->begin(), part->end());
  }
  const std::int32_t* const firsts = numbers_.upload(std::span<const std::int32_t>(numbers), stream);
  const Crop* const crops = crops_.upload(std::span<const Crop>(plan.crops_), stream);
  uploaded_.record(stream);
  const std::int32_t* const counts = firsts + plan.firsts_.size();
  cut_crops(stream, {images, segment_maps, plan.grid_.rows * plan.patch_, plan.grid_.cols * plan.patch_, plan.patch_,
                     crops, plan.count(), plan.crop_size_, plan.most_rows_, firsts, counts,
                     counts + plan.counts_.size(), middle_.data(), out});
}

}  // namespace datus::gpu_layers
