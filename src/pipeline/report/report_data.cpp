// SPDX-License-Identifier: Apache-2.0
#include "pipeline/report/report_data.hpp"

#include <algorithm>
#include <cstddef>

namespace datus {
namespace {

/// The nth shade of a colour: itself, then lighter and darker ones in turn.
Colour shade(Colour colour, int nth) {
  const int steps = std::min((nth + 1) / 2, 3);
  const bool is_lighter = nth % 2 == 1;
  const auto level = [&](std::uint8_t value) {
    const int towards = is_lighter ? 255 : 0;
    return static_cast<std::uint8_t>(value + (towards - value) * steps * 18 / 100);
  };
  return {level(colour.red), level(colour.green), level(colour.blue)};
}

}  // namespace

std::string ReportData::class_name(int index) const {
  const auto place = static_cast<std::size_t>(index);
  return place < class_names.size() ? class_names[place] : "class " + std::to_string(index);
}

const ReportPicture* ReportData::picture_of(std::int64_t image) const {
  const auto found = std::ranges::lower_bound(pictures, image, {}, &ReportPicture::image);
  return found != pictures.end() && found->image == image ? &*found : nullptr;
}

Palette cluster_colours(int k, const std::vector<int>& mapping, int classes) {
  if (mapping.empty()) return label_palette(k);
  const auto unmatched = static_cast<int>(std::ranges::count_if(mapping, [](int matched) { return matched < 0; }));
  const Palette all = label_palette(classes + unmatched);
  Palette palette;
  std::map<int, int> seen;  // clusters of each class so far
  int next = classes;
  for (const int matched : mapping) {
    palette.colours.push_back(matched < 0 ? all.of(next++) : shade(all.of(matched), seen[matched]++));
  }
  return palette;
}

}  // namespace datus
