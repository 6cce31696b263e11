// SPDX-License-Identifier: Apache-2.0
#include "pipeline/report/charts.hpp"

#include "pipeline/report/html.hpp"
#include "pipeline/report/svg.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

namespace datus {
namespace {

constexpr double width = 640;
constexpr double letter = 6.6;  // usual width of one, for the room that labels take

std::string series_class(std::size_t series) {
  return "s" + std::to_string(series % 6);
}

std::string fill(const std::string& colour) {
  return "fill=\"" + escaped(colour) + "\"";
}

/// Marks what belongs to a cluster, so that the page can highlight it.
std::string key_attribute(int key) {
  return key < 0 ? std::string() : " data-cluster=\"" + std::to_string(key) + "\"";
}

/// Names of the series in a row above the chart.
void add_series_names(Svg& svg, const std::vector<std::string>& names, double left) {
  double x = left;
  for (std::size_t i = 0; i < names.size(); ++i) {
    svg.rectangle(x, 6, 11, 11, "class=\"" + series_class(i) + "\"");
    const std::string name = shortened(names[i], 32);
    svg.text(x + 16, 16, name);
    x += 34 + letter * static_cast<double>(name.size());
  }
}

/// From values to places on an axis.
struct Scale {
  double low = 0;
  double high = 1;
  double from = 0;
  double to = 1;
  [[nodiscard]] double operator()(double value) const {
    return high > low ? from + (value - low) / (high - low) * (to - from) : (from + to) / 2;
  }
};

std::string tick_text(double value, bool is_percent) {
  return is_percent ? decimals("%.0f", 100 * value) : decimals("%.6g", value);
}

constexpr double plot_left = 62;
constexpr double plot_right = width - 14;

/// Axes with ticks and their labels.
void add_axes(Svg& svg, const Scale& x, const Scale& y, const LineChart& chart) {
  for (const double tick : axis_ticks(y.low, y.high, 5)) {
    svg.line(plot_left, y(tick), plot_right, y(tick), "class=\"grid\"");
    svg.text(plot_left - 6, y(tick) + 4, tick_text(tick, chart.is_percent), "end");
  }
  for (const double tick : axis_ticks(x.low, x.high, 8)) {
    if (tick != std::floor(tick)) continue;
    svg.line(x(tick), y.from, x(tick), y.from + 4);
    svg.text(x(tick), y.from + 17, decimals("%.0f", tick), "middle");
  }
  svg.line(plot_left, y.from, plot_right, y.from);
  svg.text((plot_left + plot_right) / 2, y.from + 34, chart.x_label, "middle", "class=\"soft\"");
  svg.text(14, (y.from + y.to) / 2, chart.y_label, "middle",
           "class=\"soft\" transform=\"rotate(-90 14 " + length_text((y.from + y.to) / 2) + ")\"");
}

void add_curve(Svg& svg, const Scale& x, const Scale& y, const LineChart::Series& series, const std::string& name) {
  std::string points;
  std::string above;
  std::string below;
  for (const auto& point : series.points) {
    points += length_text(x(point.x)) + "," + length_text(y(point.y)) + " ";
    if (!point.interval) continue;
    above += length_text(x(point.x)) + "," + length_text(y(point.interval->high)) + " ";
    below = length_text(x(point.x)) + "," + length_text(y(point.interval->low)) + " " + below;
  }
  if (!above.empty()) svg.polygon(above + below, "class=\"band " + name + "\"");
  svg.polyline(points, "class=\"curve " + name + "\"");
  if (series.points.size() > 40) return;
  for (const auto& point : series.points) {
    svg.circle(x(point.x), y(point.y), 3.5, "class=\"" + name + "\"",
               series.name + ", K = " + decimals("%.0f", point.x) + ": " + decimals("%.4g", point.y));
  }
}

}  // namespace

std::vector<double> axis_ticks(double low, double high, int count) {
  std::vector<double> ticks;
  if (!(high > low) || count < 1) return {low};
  const double rough = (high - low) / count;
  const double power = std::pow(10.0, std::floor(std::log10(rough)));
  double step = power * 10;
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (power * factor >= rough * 0.999) {
      step = power * factor;
      break;
    }
  }
  for (double tick = std::ceil(low / step - 1e-9); tick * step <= high + step * 1e-9; ++tick)
    ticks.push_back(tick == 0 ? 0 : tick * step);  // never -0
  return ticks;
}

std::string to_svg(const BarChart& chart) {
  std::size_t longest = 4;
  for (const auto& row : chart.rows) longest = std::max(longest, shortened(row.label, 24).size());
  const double left = 30 + letter * static_cast<double>(longest);
  const double bar = chart.series.size() > 1 ? 7 : 12;
  const double step = bar * static_cast<double>(chart.series.size()) + 9;
  const double top = chart.series.size() > 1 ? 30 : 8;
  const double bottom = top + step * static_cast<double>(chart.rows.size());
  const Scale x{.low = 0, .high = 1, .from = left, .to = width - 14 - 32 * static_cast<double>(chart.series.size())};
  Svg svg(width, bottom + 24, chart.title);
  if (chart.series.size() > 1) add_series_names(svg, chart.series, left);
  for (const double tick : axis_ticks(0, 1, 5)) {
    svg.line(x(tick), top, x(tick), bottom, "class=\"grid\"");
    svg.text(x(tick), bottom + 16, tick_text(tick, true), "middle");
  }
  double y = top + 4;
  for (const auto& row : chart.rows) {
    if (!row.colour.empty())
      svg.rectangle(4, y + step / 2 - 12, 12, 12, "class=\"key-square\" " + fill(row.colour) + " rx=\"3\"");
    svg.text(22, y + step / 2 - 2, shortened(row.label, 24));
    double end = left;
    std::string values;
    for (std::size_t i = 0; i < row.values.size(); ++i) {
      const std::optional<double>& value = row.values[i];
      values += (i == 0 ? "" : " · ") + (value ? tick_text(*value, true) : "–");
      if (!value) continue;
      end = std::max(end, x(*value));
      svg.rectangle(left, y + bar * static_cast<double>(i), x(*value) - left, bar - 1,
                    "class=\"" + series_class(i) + "\"");
    }
    if (values.find_first_of("0123456789") != std::string::npos)
      svg.text(end + 5, y + step / 2 - 1, values, "start", "class=\"soft\"");
    y += step;
  }
  return svg.end();
}

std::string to_svg(const LineChart& chart) {
  double low = std::numeric_limits<double>::max();
  double high = std::numeric_limits<double>::lowest();
  Scale x{.low = low, .high = high, .from = plot_left + 8, .to = plot_right - 8};
  std::size_t most_points = 0;
  std::vector<std::string> names;
  for (const auto& series : chart.series) {
    names.push_back(series.name);
    most_points = std::max(most_points, series.points.size());
    for (const auto& point : series.points) {
      low = std::min({low, point.y, point.interval ? point.interval->low : point.y});
      high = std::max({high, point.y, point.interval ? point.interval->high : point.y});
      x.low = std::min(x.low, point.x);
      x.high = std::max(x.high, point.x);
    }
  }
  if (most_points < 2) return {};
  const double room = high > low ? 0.06 * (high - low) : 0.5 * std::max(1e-9, std::abs(high));
  const Scale y{
      .low = chart.is_percent ? std::max(0.0, low - room) : low - room, .high = high + room, .from = 232, .to = 30};
  Svg svg(width, 272, chart.title);
  if (names.size() > 1) add_series_names(svg, names, plot_left);
  add_axes(svg, x, y, chart);
  for (const int marked : chart.marked_x) {
    if (marked >= x.low && marked <= x.high) svg.line(x(marked), y.to, x(marked), y.from, "class=\"marked\"");
  }
  for (std::size_t i = 0; i < chart.series.size(); ++i) add_curve(svg, x, y, chart.series[i], series_class(i));
  return svg.end();
}

std::string to_svg(const ScatterChart& chart) {
  constexpr double height = 460;
  constexpr double edge = 34;
  std::array<double, 2> low{};
  std::array<double, 2> high{};
  double largest = 1;
  const auto make_room = [&](const std::array<double, 2>& place) {
    for (std::size_t axis = 0; axis < 2; ++axis) {
      low[axis] = std::min(low[axis], place[axis]);
      high[axis] = std::max(high[axis], place[axis]);
    }
  };
  for (const auto& disc : chart.discs) {
    make_room(disc.place);
    largest = std::max(largest, disc.size);
  }
  for (const auto& dots : chart.dots) std::ranges::for_each(dots.places, make_room);
  // One scale for both axes: distances are distances.
  const double span =
      std::max({high[0] - low[0], (high[1] - low[1]) * (width - 2 * edge) / (height - 2 * edge), 1e-12});
  const double unit = (width - 2 * edge) / span;
  const auto at = [&](const std::array<double, 2>& place) {
    return std::array{width / 2 + (place[0] - (low[0] + high[0]) / 2) * unit,
                      height / 2 - (place[1] - (low[1] + high[1]) / 2) * unit};
  };
  Svg svg(width, height, chart.title);
  svg.rectangle(0.5, 0.5, width - 1, height - 1, "class=\"frame\"");
  for (const auto& dots : chart.dots) {
    // As one path of lines without length, whose round ends are the dots: a tenth of the bytes of circles.
    std::string path;
    for (const auto& place : dots.places) {
      const auto [x, y] = at(place);
      path += "M" + length_text(x) + " " + length_text(y) + "h0";
    }
    if (path.empty()) continue;
    svg.raw("<path class=\"dots\" d=\"" + path + "\" stroke=\"" + escaped(dots.colour) + "\"" +
            key_attribute(dots.key) + "/>");
  }
  const double growth = chart.dots.empty() ? 13 : 8;  // the dots are to be seen
  for (const auto& disc : chart.discs) {
    const auto [x, y] = at(disc.place);
    svg.circle(x, y, 2.5 + growth * std::sqrt(disc.size / largest),
               "class=\"disc\" " + fill(disc.colour) + key_attribute(disc.key), disc.title);
  }
  for (const auto& disc : chart.discs) {
    const auto [x, y] = at(disc.place);
    if (!disc.label.empty()) svg.text(x, y + 4, shortened(disc.label, 20), "middle", "class=\"over\"");
  }
  svg.text(width - 10, height - 10, chart.x_label, "end", "class=\"soft\"");
  svg.text(10, 18, chart.y_label, "start", "class=\"soft\"");
  return svg.end();
}

}  // namespace datus
