// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

namespace datus {

/// An 8-bit sRGB colour.
struct Colour {
  std::uint8_t red = 0;
  std::uint8_t green = 0;
  std::uint8_t blue = 0;
  friend constexpr bool operator==(const Colour&, const Colour&) = default;
};

/// Colours of the labels 0, 1, 2, … and of what has none.
struct Palette {
  std::vector<Colour> colours;
  Colour unassigned{};  ///< black

  /// The colour of `label`; labels beyond the palette start over. A negative label, or any in an
  /// empty palette, gets `unassigned`.
  [[nodiscard]] Colour of(std::int32_t label) const noexcept {
    if (label < 0 || colours.empty()) return unassigned;
    return colours[static_cast<std::size_t>(label) % colours.size()];
  }
};

/// `count` colours that are easy to tell apart, none of them near black or white. Each colour is
/// the one that lies farthest from all before it in OKLab (Ottosson, "A perceptual color space for
/// image processing", 2020), among moderately saturated ones, so that a smaller palette is the
/// beginning of a larger one. Deterministic. Throws `UsageError` when `count` is negative or above
/// 1024.
[[nodiscard]] Palette distinct_palette(int count);

/// The palette `taken` with `count` colours behind it that are chosen in the same way, each the farthest from all
/// before it, those of `taken` too, whatever they are; as many as can be told apart. Deterministic.
[[nodiscard]] Palette extended_palette(const Palette& taken, int count);

/// The colours of so many labels in every mask and picture: as many as can be told apart, then they start over.
[[nodiscard]] Palette label_palette(int labels);

}  // namespace datus
