// SPDX-License-Identifier: Apache-2.0
#include "pipeline/report/report_data.hpp"

#include "pipeline/files/cluster_classes.hpp"

#include <algorithm>
#include <cstddef>

namespace datus {
namespace {

/// The nth shade of a colour: itself, then lighter and darker ones in turn. Of a colour that is nearly black there are
/// lighter ones alone, of one that is nearly white darker ones.
Colour shade(Colour colour, int nth) {
  constexpr int near_the_end = 48;
  const int light = (2 * colour.red + 5 * colour.green + colour.blue) / 8;
  const bool has_both = light >= near_the_end && light <= 255 - near_the_end;
  const int steps = has_both ? std::min((nth + 1) / 2, 3) : std::min(nth, 4);
  const bool is_lighter = has_both ? nth % 2 == 1 : light < near_the_end;
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

Palette ReportClasses::palette() const {
  return class_palette(count, given);
}

Palette cluster_colours(int k, const std::vector<int>& mapping, const ReportClasses& classes) {
  if (mapping.empty()) return label_palette(k);
  const auto unmatched = static_cast<int>(std::ranges::count_if(mapping, [](int matched) { return matched < 0; }));
  const Palette all =
      classes.given.empty() ? label_palette(classes.count + unmatched) : extended_palette(classes.palette(), unmatched);
  Palette palette;
  std::map<int, int> seen;  // clusters of each class so far
  int next = classes.count;
  for (const int matched : mapping) {
    palette.colours.push_back(matched < 0 ? all.of(next++) : shade(all.of(matched), seen[matched]++));
  }
  return palette;
}

}  // namespace datus
