// SPDX-License-Identifier: Apache-2.0
#include "datus/io/label_runs.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

namespace datus {
namespace {

/// Cuts a sequence of labels into the runs of each.
class RunCutter {
 public:
  void see(std::int32_t label) {
    if (label != current_) {
      end_current();
      current_ = label;
      if (label != no_label) begin(label);
    }
    ++position_;
  }

  std::map<std::int32_t, Runs> finish() && {
    end_current();
    for (auto& [label, runs] : runs_) {
      if (ends_[label] < position_) runs.push_back(position_ - ends_[label]);
    }
    return std::move(runs_);
  }

 private:
  void begin(std::int32_t label) {
    runs_[label].push_back(position_ - ends_[label]);
    start_ = position_;
  }
  void end_current() {
    if (current_ == no_label) return;
    runs_[current_].push_back(position_ - start_);
    ends_[current_] = position_;
  }

  std::map<std::int32_t, Runs> runs_;
  std::map<std::int32_t, std::int64_t> ends_;  ///< where the last run of a label ended
  std::int32_t current_ = no_label;
  std::int64_t start_ = 0;
  std::int64_t position_ = 0;
};

/// Packs numbers of few bits one behind the other, the highest bit first.
class BitPacker {
 public:
  void put(std::uint32_t value, int bits) {
    for (int bit = bits - 1; bit >= 0; --bit) {
      if (used_ == 0) bytes_.push_back(0);
      bytes_.back() = static_cast<std::uint8_t>(bytes_.back() | (((value >> bit) & 1U) << (7 - used_)));
      used_ = (used_ + 1) % 8;
    }
  }
  std::vector<std::uint8_t> finish() && { return std::move(bytes_); }

 private:
  std::vector<std::uint8_t> bytes_;
  int used_ = 0;
};

}  // namespace

std::map<std::int32_t, Runs> label_runs(const LabelMap& map, PixelOrder order) {
  RunCutter cutter;
  if (order == PixelOrder::by_row) {
    for (const std::int32_t label : map.labels) cutter.see(label);
    return std::move(cutter).finish();
  }
  const auto width = static_cast<std::size_t>(map.width);
  for (std::size_t x = 0; x < width; ++x) {
    for (std::size_t i = x; i < map.labels.size(); i += width) cutter.see(map.labels[i]);
  }
  return std::move(cutter).finish();
}

std::string coco_counts(std::span<const std::int64_t> runs) {
  std::string text;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    std::int64_t value = runs[i] - (i > 2 ? runs[i - 2] : 0);
    for (bool has_more = true; has_more;) {
      std::int64_t character = value & 0x1F;
      value >>= 5;
      has_more = (character & 0x10) != 0 ? value != -1 : value != 0;
      if (has_more) character |= 0x20;
      text += static_cast<char>(character + 48);
    }
  }
  return text;
}

std::vector<std::uint8_t> label_studio_brush(std::span<const std::int64_t> runs) {
  constexpr std::array run_bits = {3, 4, 8, 16};
  constexpr std::int64_t longest = std::int64_t{1} << run_bits.back();
  std::int64_t pixels = 0;
  for (const std::int64_t run : runs) pixels += run;
  BitPacker packer;
  packer.put(static_cast<std::uint32_t>(4 * pixels), 32);
  packer.put(8 - 1, 5);
  for (const int bits : run_bits) packer.put(static_cast<std::uint32_t>(bits - 1), 4);
  for (std::size_t i = 0; i < runs.size(); ++i) {
    std::uint32_t value = i % 2 == 0 ? 0 : 255;
    for (std::int64_t left = 4 * runs[i]; left > 0;) {
      const std::int64_t length = std::min(left, longest);
      std::uint32_t kind = 0;
      while (length > std::int64_t{1} << run_bits.at(kind)) ++kind;
      packer.put(1, 1);
      packer.put(kind, 2);
      packer.put(static_cast<std::uint32_t>(length - 1), run_bits.at(kind));
      packer.put(value, 8);
      left -= length;
    }
  }
  return std::move(packer).finish();
}

}  // namespace datus
