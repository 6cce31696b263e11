// SPDX-License-Identifier: Apache-2.0
#include "algo/scores/pixel_scan.hpp"

#include "algo/scores/pixel_scan_kernels.hpp"

#include <bit>
#include <cstring>

namespace datus {
namespace {

using namespace pixel_scan_kernels;

/// The last pixel of a row has a neighbour below at most.
template <class Label>
std::uint8_t last_flags(const Rows<Label>& rows, std::size_t x) {
  constexpr Label none = static_cast<Label>(-1);
  const bool counts = rows.truth[x] != none && rows.truth_below[x] != none;
  int flags = end_flag;
  if (counts && rows.prediction[x] != rows.prediction_below[x]) flags |= predicted_flag;
  if (counts && rows.truth[x] != rows.truth_below[x]) flags |= real_flag;
  return static_cast<std::uint8_t>(flags);
}

/// One flag of eight pixels, whose flags lie one after the other in memory, as eight bits.
std::uint64_t gathered(std::uint64_t flags, int flag) {
  static_assert(std::endian::native == std::endian::little, "the first pixel is the lowest byte");
  const std::uint64_t lowest = flags / static_cast<unsigned>(flag) & 0x0101010101010101U;
  return lowest * 0x0102040810204080U >> 56U;  // bit 8 i comes to bit 56 + i, and no two of them meet
}

/// Puts the flags of a row, which mostly are 0, into its bits.
void set_bits(const std::vector<std::uint8_t>& flags, int y, PixelScan& scan) {
  constexpr std::size_t group = sizeof(std::uint64_t);  // flags that are looked at together
  constexpr std::size_t word_bits = PixelBits::word_bits;
  std::uint64_t* predicted = scan.predicted.row(y);
  std::uint64_t* real = scan.real.row(y);
  std::uint64_t* ends = scan.ends.row(y);
  for (std::size_t x = 0; x < flags.size(); x += group) {
    std::uint64_t any = 0;
    std::memcpy(&any, flags.data() + x, group);
    if (any == 0) continue;
    predicted[x / word_bits] |= gathered(any, predicted_flag) << x % word_bits;
    real[x / word_bits] |= gathered(any, real_flag) << x % word_bits;
    ends[x / word_bits] |= gathered(any, end_flag) << x % word_bits;
  }
}

template <class Map>
PixelScan scan(const Map& prediction, const Map& truth, SimdPath path) {
  using Label = typename decltype(truth.labels)::value_type;
  const PixelBits none(truth.height, truth.width);
  PixelScan result{truth.height, truth.width, none, none, none};
  if (truth.labels.empty()) return result;
  RowPass<Label>* mark = mark_avx2;
  if (path == SimdPath::scalar) mark = mark_scalar;
  const auto width = static_cast<std::size_t>(truth.width);
  std::vector<std::uint8_t> flags(none.words() * PixelBits::word_bits);
  for (int y = 0; y < truth.height; ++y) {
    const std::size_t line = static_cast<std::size_t>(y) * width;
    const std::size_t below = y + 1 < truth.height ? line + width : line;
    const Rows<Label> rows{prediction.labels.data() + line, prediction.labels.data() + below,
                           truth.labels.data() + line, truth.labels.data() + below};
    mark(rows, width, flags.data());
    flags[width - 1] = last_flags(rows, width - 1);
    set_bits(flags, y, result);
  }
  return result;
}

}  // namespace

PixelScan scan_pixels(const LabelMap& prediction, const LabelMap& truth, SimdPath path) {
  return scan(prediction, truth, path);
}

PixelScan scan_pixels(const ByteLabelMap& prediction, const ByteLabelMap& truth, SimdPath path) {
  return scan(prediction, truth, path);
}

}  // namespace datus
