// SPDX-License-Identifier: Apache-2.0
#include "io/datasets/colour_truth.hpp"

#include "datus/core/error.hpp"
#include "datus/io/image_reader.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <optional>
#include <string>
#include <unordered_map>

namespace datus::io_detail {
namespace {

using Colour = DatasetDescription::Colour;

int squared_distance(const Colour& one, const Colour& other) {
  int sum = 0;
  for (std::size_t channel = 0; channel < one.size(); ++channel) {
    const int difference = int{one[channel]} - int{other[channel]};
    sum += difference * difference;
  }
  return sum;
}

int largest_difference(const Colour& one, const Colour& other) {
  int largest = 0;
  for (std::size_t channel = 0; channel < one.size(); ++channel) {
    largest = std::max(largest, std::abs(int{one[channel]} - int{other[channel]}));
  }
  return largest;
}

std::string text_of(const Colour& colour) {
  return "(" + std::to_string(colour[0]) + ", " + std::to_string(colour[1]) + ", " + std::to_string(colour[2]) + ")";
}

/// The values of the colours of one image, each looked for once.
class Palette {
 public:
  explicit Palette(const DatasetDescription& description) : description_(description) {}

  [[nodiscard]] std::optional<std::uint16_t> value_of(const Colour& colour) {
    const std::uint32_t packed = colour[0] << 16U | colour[1] << 8U | colour[2];
    const auto [known, is_new] = values_.try_emplace(packed);
    if (is_new) {
      const std::size_t value = nearest(colour);
      if (largest_difference(colour, description_.colours[value]) <= description_.colours_within) {
        known->second = static_cast<std::uint16_t>(value);
      }
    }
    return known->second;
  }

  [[nodiscard]] std::size_t nearest(const Colour& colour) const {
    std::size_t best = 0;
    int least = std::numeric_limits<int>::max();
    for (std::size_t value = 0; value < description_.colours.size(); ++value) {
      const int distance = squared_distance(colour, description_.colours[value]);
      if (distance < least) {
        least = distance;
        best = value;
      }
    }
    return best;
  }

 private:
  const DatasetDescription& description_;
  std::unordered_map<std::uint32_t, std::optional<std::uint16_t>> values_;
};

}  // namespace

IndexImage read_colour_truth(const std::filesystem::path& path, const DatasetDescription& description) {
  const Image mask = read_image(path);
  std::vector<std::uint16_t> values;
  values.reserve(mask.pixels.size() / 3);
  Palette palette(description);
  for (std::size_t i = 0; i < mask.pixels.size(); i += 3) {
    const Colour colour = {mask.pixels[i], mask.pixels[i + 1], mask.pixels[i + 2]};
    const auto value = palette.value_of(colour);
    if (!value) {
      const std::size_t pixel = i / 3;
      const auto columns = static_cast<std::size_t>(mask.width);
      throw InputError("Unknown colour in ground truth " + path.string(),
                       text_of(colour) + " in row " + std::to_string(pixel / columns) + ", column " +
                           std::to_string(pixel % columns) + " is none of " + description.origin + "; the nearest is " +
                           text_of(description.colours[palette.nearest(colour)]),
                       "Check dataset.kind; of lossy files set truth.within, the distance that is allowed.");
    }
    values.push_back(*value);
  }
  return {.height = mask.height, .width = mask.width, .values = std::move(values)};
}

}  // namespace datus::io_detail
