// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/io/palette.hpp"
#include "pipeline/compare/comparison.hpp"

#include <array>
#include <cstddef>
#include <string>
#include <vector>

namespace datus {

/// One image of the pair side by side. Pictures are files in base64, all of one size.
struct ComparisonPicture {
  std::size_t place = 0;  ///< in the pair
  int height = 0;
  int width = 0;
  std::string photo;                 ///< JPEG; empty where it cannot be read
  std::string truth;                 ///< PNG; empty without ground truth
  std::array<std::string, 2> masks;  ///< PNG
  std::string differences;           ///< PNG of `difference_colours`
};

/// Colours of the classes, empty without; and of each run's clusters: those of their classes or, without classes, the
/// second's those of their partners.
struct ComparisonColours {
  Palette classes;
  std::array<Palette, 2> clusters;
};
[[nodiscard]] ComparisonColours colours_of(const RunPair& pair, const RunComparison& comparison);

/// What a picture of the differences shows: its name and colour. With ground truth: both right, the second alone, the
/// first alone, neither; without: the masks agree or not.
struct DifferenceKind {
  std::string name;
  Colour colour;
};
[[nodiscard]] std::vector<DifferenceKind> difference_kinds(const RunComparison& comparison);

/// Draws the images at these places. Throws `InputError` for masks that cannot be read.
[[nodiscard]] std::vector<ComparisonPicture> draw_comparison(const RunPair& pair, const RunComparison& comparison,
                                                             const std::vector<std::size_t>& places, int threads);

}  // namespace datus
