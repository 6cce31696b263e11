// SPDX-License-Identifier: Apache-2.0
#include "pipeline/report/svg.hpp"

#include "pipeline/report/html.hpp"

namespace datus {
namespace {

std::string attribute(std::string_view name, double value) {
  return " " + std::string(name) + "=\"" + length_text(value) + "\"";
}

std::string more(std::string_view attributes) {
  return attributes.empty() ? std::string() : " " + std::string(attributes);
}

}  // namespace

std::string length_text(double value) {
  std::string text = decimals("%.1f", value);
  if (text.ends_with(".0")) text.resize(text.size() - 2);
  return text == "-0" ? "0" : text;
}

Svg::Svg(double width, double height, std::string_view title)
    : text_("<svg viewBox=\"0 0 " + length_text(width) + " " + length_text(height) + "\" role=\"img\" aria-label=\"" +
            escaped(title) + "\" style=\"max-width:" + length_text(width) + "px\">") {}

Svg& Svg::line(double x1, double y1, double x2, double y2, std::string_view attributes) {
  text_ += "<line" + attribute("x1", x1) + attribute("y1", y1) + attribute("x2", x2) + attribute("y2", y2) +
           more(attributes) + "/>";
  return *this;
}

Svg& Svg::rectangle(double x, double y, double width, double height, std::string_view attributes) {
  text_ += "<rect" + attribute("x", x) + attribute("y", y) + attribute("width", width) + attribute("height", height) +
           more(attributes) + "/>";
  return *this;
}

Svg& Svg::circle(double x, double y, double radius, std::string_view attributes, std::string_view title) {
  text_ += "<circle" + attribute("cx", x) + attribute("cy", y) + attribute("r", radius) + more(attributes);
  text_ += title.empty() ? "/>" : "><title>" + escaped(title) + "</title></circle>";
  return *this;
}

Svg& Svg::polyline(const std::string& points, std::string_view attributes) {
  text_ += "<polyline points=\"" + points + "\" fill=\"none\"" + more(attributes) + "/>";
  return *this;
}

Svg& Svg::polygon(const std::string& points, std::string_view attributes) {
  text_ += "<polygon points=\"" + points + "\"" + more(attributes) + "/>";
  return *this;
}

Svg& Svg::text(double x, double y, std::string_view text, std::string_view anchor, std::string_view attributes) {
  text_ += "<text" + attribute("x", x) + attribute("y", y) +
           (anchor == "start" ? std::string() : " text-anchor=\"" + std::string(anchor) + "\"") + more(attributes) +
           ">" + escaped(text) + "</text>";
  return *this;
}

Svg& Svg::raw(std::string_view elements) {
  text_ += elements;
  return *this;
}

std::string shortened(const std::string& text, std::size_t letters) {
  if (text.size() <= letters) return text;
  std::size_t end = letters - 1;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;  // not inside of a character
  return text.substr(0, end) + "…";
}

}  // namespace datus
