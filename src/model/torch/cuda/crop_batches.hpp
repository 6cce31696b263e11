// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/cuda/memory.hpp"
#include "datus/core/cuda/stream.hpp"
#include "datus/core/types.hpp"
#include "datus/model/normalise.hpp"
#include "datus/model/segment_crops.hpp"
#include "model/pixels/cuda/crop_plan.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <vector>

namespace datus {

/// Crops that wait on the GPU for their batches to be full, which those of later calls may do. A crop is cut as soon as
/// its call comes, so that the images need not stay; its place in a batch is given (`SegmentCrops::first_place`), and
/// the batch is the first of those that wait where nobody has that place. Where somebody has it in all of them, the
/// oldest one goes with the places that are empty. For one thread at a time.
class CropBatches {
 public:
  /// As many as wait at most: where calls leave as many crops as they like, nine tenths of the places of batches are
  /// taken, nearly; one would have eight tenths.
  static constexpr std::size_t most = 2;

  using Vectors = std::shared_ptr<std::vector<float>>;

  /// What all crops of a batch have in common.
  struct Shape {
    int places = 0;
    int size = 0;  ///< pixels of a side
    GridSize grid;
    PixelScaling scaling;
    friend bool operator==(const Shape&, const Shape&) = default;
  };
  /// Crops of one call, and what they are cut from: on the GPU, until the work of the stream is done.
  struct Call {
    const SegmentCrops& crops;
    const std::uint8_t* images;  ///< [images, height, width, 3]
    const std::int16_t* segment_maps;
    Vectors vectors;
  };
  /// Whose vector the one of a place becomes; nobody's: `vectors` is null.
  struct Seat {
    Vectors vectors;
    std::size_t crop = 0;
  };
  struct Batch {
    Shape shape;
    cuda::DeviceArray<std::uint8_t> pixels;  ///< [places, size, size, 3]; black where nobody is
    std::vector<Seat> seats;                 ///< by place
    std::size_t taken = 0;                   ///< how many of them are
    std::vector<CropPlace> uncut;            ///< of the call that is being added
    std::vector<std::int32_t> uncut_seats;
  };
  /// Gives a batch to the model, as work of the stream. `begun`: how many crops of the call have a place by then.
  using Launch = std::function<void(const Batch& batch, std::size_t begun)>;

  /// Cuts all crops of a call, as work of the stream, and launches what is full. Where it throws, those of the call
  /// are to be dropped; the others stay.
  void add(const Call& call, const Shape& shape, int threads, const cuda::Stream& stream, const Launch& launch);
  /// Launches all that have crops of the call.
  void launch_those_of(const Vectors& vectors, const Launch& launch);
  /// Nobody will take the vectors of this call.
  void drop(const Vectors& vectors);

 private:
  using Place = std::list<Batch>::iterator;
  [[nodiscard]] Place with_free(std::size_t seat);
  /// A batch without crops, behind the others.
  [[nodiscard]] Place open(const Shape& shape, const cuda::Stream& stream);
  void make_room(std::size_t bytes);
  void cut(Batch& batch, const Call& call, int threads, const cuda::Stream& stream);
  void close(Place batch, std::size_t begun, const Launch& launch);

  std::list<Batch> open_;                               ///< the oldest first
  std::vector<cuda::DeviceArray<std::uint8_t>> spare_;  ///< memory of those that are not
  std::array<gpu_layers::CropBuffers, 2> buffers_;      ///< in turns
  std::size_t next_buffers_ = 0;
};

}  // namespace datus
