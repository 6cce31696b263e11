// SPDX-License-Identifier: Apache-2.0
#include "model/torch/cuda/recorded_passes.hpp"

#include "datus/core/error.hpp"
#include "datus/core/log.hpp"

#include <algorithm>
#include <array>
#include <exception>
#include <string>
#include <utility>

#include <ATen/ops/empty_like.h>
#include <ATen/ops/equal.h>
#include <c10/util/Exception.h>

namespace datus {
namespace {

using Result = RecordedPasses::Result;

/// For each tensor that there is.
template <class Action>
void for_both(const Result& one, const Result& other, const Action& action) {
  if (one.embeddings.defined()) action(one.embeddings, other.embeddings);
  if (one.cls.defined()) action(one.cls, other.cls);
}

void copy(const Result& from, const Result& to) {
  for_both(from, to, [](const at::Tensor& source, const at::Tensor& target) { target.copy_(source); });
}

Result place_like(const Result& result) {
  Result place;
  if (result.embeddings.defined()) place.embeddings = at::empty_like(result.embeddings);
  if (result.cls.defined()) place.cls = at::empty_like(result.cls);
  return place;
}

Result copy_of(const Result& result) {
  Result place = place_like(result);
  copy(result, place);
  return place;
}

/// Pixels that no batch has.
void spoil(const PassShape& shape, const cuda::Stream& stream) {
  const std::size_t bytes = static_cast<std::size_t>(shape.places) * static_cast<std::size_t>(shape.height) *
                            static_cast<std::size_t>(shape.width) * 3;
  cuda::check(cudaMemsetAsync(shape.images, 0x5A, bytes, stream.get()), "to write pixels");
}

/// Waits for the GPU.
bool have_same_bits(const Result& one, const Result& other) {
  bool same = true;
  for_both(one, other, [&](const at::Tensor& a, const at::Tensor& b) {
    // As whole numbers: NaN is itself.
    const auto bits = a.element_size() == 2 ? at::kShort : at::kInt;
    same = same && at::equal(a.view(bits), b.view(bits));
  });
  return same;
}

}  // namespace

Result RecordedPasses::run(const PassShape& shape, const Pass& pass) {
  const auto found = std::ranges::find(recorded_, shape, &Recorded::shape);
  if (found != recorded_.end()) {
    found->graph.launch(stream_);
    return found->result;
  }
  if (!is_stopped_ && recorded_.size() == most) stop("there are " + std::to_string(most) + " shapes already");
  return is_stopped_ ? pass() : run_and_record(shape, pass);
}

Result RecordedPasses::run_once(const Pass& pass) {
  std::optional<torch_gpu::ReservedMemory::Use> reserved(std::in_place, *memory_, stream_);
  const Result in_reserved = pass();
  reserved.reset();
  return copy_of(in_reserved);
}

Result RecordedPasses::run_and_record(const PassShape& shape, const Pass& pass) {
  // While memory is reserved LibTorch does not give back what it has to spare where it finds too little.
  torch_gpu::give_spare_memory_back();
  // What libraries make when they are called first is there before the pass is recorded, by the same thread.
  Result result = run_once(pass);
  Recorded recorded{shape, place_like(result), {}};
  try {
    record(recorded, pass);
    recorded_.push_back(std::move(recorded));
  } catch (const c10::Error& error) {
    stop(error.what_without_backtrace());
  } catch (const Error& error) {
    stop(error.what());
  }
  return result;
}

void RecordedPasses::record(Recorded& recorded, const Pass& pass) {
  {
    const torch_gpu::ReservedMemory::Use reserved(*memory_, stream_);
    recorded.graph = cuda::Graph(stream_, [&] { copy(pass(), recorded.result); });
  }
  // With other pixels: what the graph leaves out shows, although all that the pass wrote is still there.
  spoil(recorded.shape, stream_);
  recorded.graph.launch(stream_);
  if (have_same_bits(recorded.result, run_once(pass))) return;
  throw SystemError("A CUDA graph gives other bits than the pass that it was recorded from", "they were compared",
                    "Leave model.cuda_graphs out.");
}

void RecordedPasses::forget() {
  recorded_.clear();
  memory_.emplace(gpu_);
}

void RecordedPasses::stop(const std::string& why) {
  is_stopped_ = true;
  // A graph that goes now may have begun.
  stream_.wait();
  log::warning("model.cuda_graphs: passes of the model run kernel by kernel from now on, since " + why);
}

}  // namespace datus
