// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "algo/kmeans/cuda/rows.hpp"
#include "algo/kmeans/cuda/weighing.hpp"
#include "algo/kmeans/row_weights.hpp"
#include "datus/core/cuda/memory.hpp"
#include "datus/core/cuda/stream.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace datus::clustering::gpu {

/// The weights of k-means++ in the memory of a GPU.
class DeviceWeights final : public RowWeights {
 public:
  /// `index`: the GPU, in use, of `rows` and `stream`. Both must outlive it.
  DeviceWeights(const Context& context, int index, DeviceRows& rows, const cuda::Stream& stream, std::size_t draws);

  std::vector<Ticket> lowest_tickets(std::span<const WeighedRound> rounds) override;
  void forget(std::size_t draw) override { weights_[draw] = {}; }

 private:
  /// A chosen row that a draw's weights do not know of yet.
  struct NewPoint {
    std::size_t draw = 0;
    bool is_first = false;
    const double* values = nullptr;
  };
  /// Lowers weights by one point for each of up to `points_at_once` draws, in one pass over the rows.
  void lower(std::span<const NewPoint> points);

  const Context& context_;
  int index_;
  DeviceRows& rows_;
  const cuda::Stream& stream_;
  /// [draws][local rows]
  std::vector<cuda::DeviceArray<double>> weights_;
  /// [points_at_once, pitch]
  cuda::DeviceArray<double> points_;
  cuda::PinnedArray<double> sent_points_;
  /// Of each draw's race, and how many they are: [draws, tickets_].
  std::size_t tickets_;
  cuda::DeviceArray<RaceTicket> lowest_;
  cuda::PinnedArray<RaceTicket> found_lowest_;
};

}  // namespace datus::clustering::gpu
