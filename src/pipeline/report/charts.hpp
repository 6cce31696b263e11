// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/algo/bootstrap.hpp"
#include "pipeline/report/report_data.hpp"

#include <array>
#include <optional>
#include <string>
#include <vector>

namespace datus {

// Charts as SVG elements to stand in a page, whose style gives ink, lines and series (classes "s0", "s1", …) their
// colours. Texts are escaped here. Equal values give equal bytes.

/// Bars side by side, of fractions.
struct BarChart {
  struct Row {
    std::string label;
    std::string colour;                         ///< "#rrggbb" of a swatch before the label; empty for none
    std::vector<std::optional<double>> values;  ///< [series]; null: no bar
  };
  std::string title;
  std::vector<std::string> series;
  std::vector<Row> rows;
};
[[nodiscard]] std::string to_svg(const BarChart& chart);

/// Lines over one axis, with a band where there are intervals.
struct LineChart {
  struct Point {
    double x = 0;
    double y = 0;
    std::optional<Interval> interval = {};
  };
  struct Series {
    std::string name;
    std::vector<Point> points;
  };
  std::string title;
  std::string x_label;
  std::string y_label;
  std::vector<Series> series;
  bool is_percent = false;    ///< y: fractions
  std::vector<int> marked_x;  ///< values that get a vertical line
};
/// Empty where no series has two points.
[[nodiscard]] std::string to_svg(const LineChart& chart);

/// Discs in a plane; their area grows with their size.
struct ScatterChart {
  struct Disc {
    std::array<double, 2> place{};
    double size = 0;
    std::string colour;
    std::string title;  ///< what a pointer on it shows
    std::string label;  ///< written beside it; empty for none
    int key = -1;       ///< the cluster
  };
  /// Of one colour and cluster, below the discs.
  struct Dots {
    std::vector<std::array<double, 2>> places;
    std::string colour;
    int key = -1;
  };
  std::string title;
  std::string x_label;
  std::string y_label;
  std::vector<Disc> discs;
  std::vector<Dots> dots = {};
};
[[nodiscard]] std::string to_svg(const ScatterChart& chart);

/// A tree over leaves, drawn from left to right.
struct TreeChart {
  struct Leaf {
    std::string label;
    std::string colour;
    int key = -1;
  };
  std::string title;
  std::string x_label;
  std::vector<Leaf> leaves;
  std::vector<ReportJoint> joints;  ///< [leaves - 1]
};
[[nodiscard]] std::string to_svg(const TreeChart& chart);

/// Round numbers that divide an axis from `low` to `high` into about `count` parts.
[[nodiscard]] std::vector<double> axis_ticks(double low, double high, int count);

}  // namespace datus
