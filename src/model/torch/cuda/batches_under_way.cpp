// SPDX-License-Identifier: Apache-2.0
#include "model/torch/cuda/batches_under_way.hpp"

#include <algorithm>
#include <utility>

namespace datus {

std::size_t BatchesUnderWay::free_place() {
  if (batches_.size() == places) collect_oldest();
  std::size_t place = 0;
  while (std::ranges::find(batches_, place, &Batch::place) != batches_.end()) ++place;
  return place;
}

void BatchesUnderWay::add(std::size_t place, std::vector<const void*> calls, std::function<void()> collect) {
  batches_.push_back({place, std::move(calls), std::move(collect)});
}

void BatchesUnderWay::collect(const void* call) {
  while (has(call)) collect_oldest();
}

void BatchesUnderWay::drop(const void* call) {
  for (Batch& batch : batches_) std::erase(batch.calls, call);
  std::erase_if(batches_, [](const Batch& batch) { return batch.calls.empty(); });
}

void BatchesUnderWay::collect_oldest() {
  // It stays where it is when that throws: whoever asks for it is to be told too.
  batches_.front().collect();
  batches_.pop_front();
}

bool BatchesUnderWay::has(const void* call) const {
  return std::ranges::any_of(batches_, [=](const Batch& batch) { return std::ranges::count(batch.calls, call) > 0; });
}

}  // namespace datus
