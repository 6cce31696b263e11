// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/cuda/graph.hpp"
#include "datus/core/types.hpp"
#include "model/torch/cuda/batched_transformer.hpp"
#include "model/torch/cuda/torch_gpu.hpp"
#include "model/torch/readout.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

namespace datus {

/// All that the work of a batch depends on but its pixels: the same shape, the same kernels with the same addresses.
struct PassShape {
  /// On the device: [places, height, width, 3]. What is there when the shape comes first is lost.
  std::uint8_t* images = nullptr;
  int places = 0;
  int height = 0;
  int width = 0;
  GridSize grid;
  bool bgr = false;
  Readout readout;
  friend bool operator==(const PassShape&, const PassShape&) = default;
};

/// Passes of a model as CUDA graphs: the work of each shape is recorded when it comes first, and later started again by
/// one call in the place of about a hundred. Kernels and bits are the same. Where a shape cannot be recorded, or its
/// graph gives other bits than the pass for pixels that it has not seen, a line of the log says why, once, and passes
/// run kernel by kernel from then on.
///
/// Intermediate results of all graphs share memory, since one runs after the other in one stream. Results have memory
/// of their own: those of one batch are copied to the host while the next one is computed.
///
/// For one thread at a time, all of whose work on the GPU is that of `stream`.
class RecordedPasses {
 public:
  using Result = BatchedTransformer::Result;
  /// Puts the work into the stream. It neither waits nor uploads anything once it ran.
  using Pass = std::function<Result()>;

  /// Of GPU `gpu`. The stream must outlive this; before this goes its work must be done.
  RecordedPasses(const cuda::Stream& stream, int gpu) : stream_(stream), gpu_(gpu) { memory_.emplace(gpu); }

  /// What `pass` gives, of this shape. The tensors are written again when a pass of the same shape comes. Throws what
  /// `pass` throws when it runs kernel by kernel.
  [[nodiscard]] Result run(const PassShape& shape, const Pass& pass);

  /// Leaves all memory, where there is too little, for `torch_gpu::give_spare_memory_back`: shapes are recorded anew
  /// when they come again. All work must be done.
  void forget();

 private:
  struct Recorded {
    PassShape shape;
    Result result;
    cuda::Graph graph;
  };
  /// More than any run has: embeddings, tokens and crops in each place for batches.
  static constexpr std::size_t most = 8;

  /// Kernel by kernel, with intermediate results where those of graphs are.
  [[nodiscard]] Result run_once(const Pass& pass);
  [[nodiscard]] Result run_and_record(const PassShape& shape, const Pass& pass);
  /// Makes the graph, which writes to `recorded.result`, and tries it.
  void record(Recorded& recorded, const Pass& pass);
  void stop(const std::string& why);

  const cuda::Stream& stream_;
  int gpu_;
  std::optional<torch_gpu::ReservedMemory> memory_;
  std::vector<Recorded> recorded_;
  bool is_stopped_ = false;
};

}  // namespace datus
