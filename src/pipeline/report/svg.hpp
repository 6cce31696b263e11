// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace datus {

/// Puts together one SVG element. Lengths are those of its view box.
class Svg {
 public:
  /// `title` names it for those who cannot see it.
  Svg(double width, double height, std::string_view title);

  /// `attributes` are written as they are: escape what comes from outside.
  Svg& line(double x1, double y1, double x2, double y2, std::string_view attributes = "class=\"axis\"");
  Svg& rectangle(double x, double y, double width, double height, std::string_view attributes);
  /// With a text that a pointer on it shows, where it is not empty.
  Svg& circle(double x, double y, double radius, std::string_view attributes, std::string_view title = {});
  /// `points`: "x,y x,y …".
  Svg& polyline(const std::string& points, std::string_view attributes);
  Svg& polygon(const std::string& points, std::string_view attributes);
  /// `anchor`: start, middle or end.
  Svg& text(double x, double y, std::string_view text, std::string_view anchor = "start",
            std::string_view attributes = {});
  Svg& raw(std::string_view elements);

  [[nodiscard]] std::string end() const { return text_ + "</svg>"; }

 private:
  std::string text_;
};

/// At most about so many letters of a text, with "…" where some are left out.
[[nodiscard]] std::string shortened(const std::string& text, std::size_t letters);

/// A length with one decimal at most: "12", "12.5".
[[nodiscard]] std::string length_text(double value);

}  // namespace datus
