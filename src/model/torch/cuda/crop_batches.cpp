// SPDX-License-Identifier: Apache-2.0
#include "model/torch/cuda/crop_batches.hpp"

#include "model/torch/cuda/spare_memory.hpp"

#include <algorithm>
#include <utility>

namespace datus {
namespace {

std::size_t bytes_of(const CropBatches::Shape& shape) {
  return static_cast<std::size_t>(shape.places) * static_cast<std::size_t>(shape.size) *
         static_cast<std::size_t>(shape.size) * 3;
}

bool has(const CropBatches::Batch& batch, const CropBatches::Vectors& vectors) {
  return std::ranges::find(batch.seats, vectors, &CropBatches::Seat::vectors) != batch.seats.end();
}

}  // namespace

void CropBatches::add(const Call& call, const Shape& shape, int threads, const cuda::Stream& stream,
                      const Launch& launch) {
  while (!open_.empty() && open_.front().shape != shape) close(open_.begin(), 0, launch);
  const auto places = static_cast<std::size_t>(shape.places);
  for (std::size_t crop = 0; crop < call.crops.places.size(); ++crop) {
    const std::size_t seat = (call.crops.first_place + crop) % places;
    Place batch = with_free(seat);
    if (batch == open_.end()) {
      if (open_.size() == most) {
        cut(open_.front(), call, threads, stream);
        close(open_.begin(), crop, launch);
      }
      batch = open(shape, stream);
    }
    batch->seats[seat] = {call.vectors, crop};
    ++batch->taken;
    batch->uncut.push_back(call.crops.places[crop]);
    batch->uncut_seats.push_back(static_cast<std::int32_t>(seat));
    if (batch->taken < places) continue;
    cut(*batch, call, threads, stream);
    close(batch, crop + 1, launch);
  }
  for (Batch& batch : open_) cut(batch, call, threads, stream);
}

void CropBatches::launch_those_of(const Vectors& vectors, const Launch& launch) {
  for (Place batch = open_.begin(); batch != open_.end();) {
    const Place next = std::next(batch);
    if (has(*batch, vectors)) close(batch, vectors->size(), launch);
    batch = next;
  }
}

void CropBatches::drop(const Vectors& vectors) {
  for (Batch& batch : open_) {
    batch.uncut.clear();
    batch.uncut_seats.clear();
    for (Seat& seat : batch.seats) {
      if (seat.vectors != vectors) continue;
      seat = {};
      --batch.taken;
    }
  }
}

CropBatches::Place CropBatches::with_free(std::size_t seat) {
  return std::ranges::find_if(open_, [=](const Batch& batch) { return batch.seats[seat].vectors == nullptr; });
}

CropBatches::Place CropBatches::open(const Shape& shape, const cuda::Stream& stream) {
  make_room(bytes_of(shape));
  Batch batch{.shape = shape,
              .pixels = std::move(spare_.back()),
              .seats = std::vector<Seat>(static_cast<std::size_t>(shape.places)),
              .taken = 0,
              .uncut = {},
              .uncut_seats = {}};
  spare_.pop_back();
  cuda::clear(batch.pixels.data(), bytes_of(shape), stream);
  return open_.insert(open_.end(), std::move(batch));
}

/// For all that may wait, so that later calls ask for no more.
void CropBatches::make_room(std::size_t bytes) {
  while (spare_.size() + open_.size() < most) spare_.emplace_back();
  for (auto& memory : spare_) {
    if (memory.size() >= bytes) continue;
    with_spare_memory([&] { memory = cuda::DeviceArray<std::uint8_t>(bytes, "memory for crops"); });
  }
}

void CropBatches::cut(Batch& batch, const Call& call, int threads, const cuda::Stream& stream) {
  if (batch.uncut.empty()) return;
  const SegmentCrops& crops = call.crops;
  const gpu_layers::CropPlan plan(batch.uncut, crops.grid, crops.patch, crops.crop_resize, crops.crop_size, threads,
                                  batch.uncut_seats);
  auto& buffers = buffers_.at(next_buffers_);
  next_buffers_ = (next_buffers_ + 1) % buffers_.size();
  with_spare_memory([&] {
    buffers.cut(plan, static_cast<std::size_t>(batch.shape.places), call.images, call.segment_maps, batch.pixels.data(),
                stream);
  });
  batch.uncut.clear();
  batch.uncut_seats.clear();
}

void CropBatches::close(Place batch, std::size_t begun, const Launch& launch) {
  // It stays where it is when that throws: others' crops are in it.
  if (batch->taken > 0) launch(*batch, begun);
  spare_.push_back(std::move(batch->pixels));
  open_.erase(batch);
}

}  // namespace datus
