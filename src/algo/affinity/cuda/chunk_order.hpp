// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "algo/affinity/product.hpp"
#include "datus/algo/gpu_affinity.hpp"
#include "datus/algo/gpu_keys.hpp"
#include "datus/core/error.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace datus::affinity {

[[noreturn]] inline void refuse_order(const std::string& what, const std::string& why) {
  throw UsageError(what, why, "Stage, submit and take chunks in the order that GpuAffinity describes.");
}

/// Slots for the chunks that are under way, and the order in which they are staged, submitted and taken. A Slot has
/// void start(std::size_t images), and std::size_t wait(), which returns how many they were. Throws `UsageError`
/// wherever somebody leaves that order.
template <class Slot>
class ChunkOrder {
 public:
  static constexpr std::size_t depth = GpuAffinity::depth;

  /// Of images of `nodes` patches of `dim` values; `make` makes a slot.
  template <class Make>
  ChunkOrder(int capacity, int nodes, int dim, const Make& make) : capacity_(capacity), nodes_(nodes), dim_(dim) {
    for (std::size_t i = 0; i < depth; ++i) slots_.push_back(make());
  }

  [[nodiscard]] int capacity() const { return capacity_; }
  [[nodiscard]] bool is_idle() const { return submitted_ == taken_; }
  [[nodiscard]] std::vector<Slot>& slots() { return slots_; }

  /// Where an image with so many values may be staged. Throws `InputError` as `require_fitting`.
  [[nodiscard]] Slot& place_for(int image, std::size_t values, std::span<const std::uint8_t> valid) {
    require_fitting(values, nodes_, dim_, valid);
    if (image < 0 || image >= capacity_) {
      refuse_order("A chunk has no image " + std::to_string(image), "it has fewer");
    }
    if (is_full()) refuse_order("An image cannot be staged", "two chunks are waiting to be taken");
    return slot(submitted_);
  }
  /// The same for image `from` of keys that lie on the GPU.
  [[nodiscard]] Slot& place_for(int image, const GpuKeys::Shape& keys, std::size_t from,
                                std::span<const std::uint8_t> valid) {
    Slot& place = place_for(image, keys.values, valid);
    if (from >= keys.images) {
      refuse_order("There are no keys of image " + std::to_string(from),
                   std::to_string(keys.images) + " lie on the GPU");
    }
    return place;
  }

  void submit(int images) {
    if (images < 1 || images > capacity_) {
      refuse_order("A chunk cannot have " + std::to_string(images) + " images",
                   "1 to " + std::to_string(capacity_) + " are possible");
    }
    if (is_full()) refuse_order("A chunk cannot be submitted", "two chunks are waiting to be taken");
    usable_ = 0;
    slot(submitted_).start(static_cast<std::size_t>(images));
    ++submitted_;
  }

  int take() {
    if (is_idle()) refuse_order("There is nothing to take", "no chunk was submitted");
    usable_ = 0;
    usable_ = slot(taken_++).wait();
    return static_cast<int>(usable_);
  }

  /// Of the chunk taken last, the slot that has what was made of this image.
  [[nodiscard]] const Slot& slot_of(int image) const {
    if (image < 0 || static_cast<std::size_t>(image) >= usable_) {
      refuse_order("Nothing of image " + std::to_string(image) + " is there",
                   "the chunk taken last has " + std::to_string(usable_) + " images that can be used");
    }
    return slots_[(taken_ - 1) % depth];
  }

 private:
  [[nodiscard]] bool is_full() const { return submitted_ - taken_ == depth; }
  [[nodiscard]] Slot& slot(std::size_t chunk) { return slots_[chunk % depth]; }

  int capacity_;
  int nodes_;
  int dim_;
  std::vector<Slot> slots_;
  std::size_t submitted_ = 0;
  std::size_t taken_ = 0;
  /// Images of the chunk taken last, until the next one is submitted.
  std::size_t usable_ = 0;
};

}  // namespace datus::affinity
