// SPDX-License-Identifier: Apache-2.0
#include "pipeline/report/charts.hpp"
#include "pipeline/report/html.hpp"
#include "pipeline/report/svg.hpp"

#include <algorithm>
#include <cstddef>
#include <functional>

namespace datus {
namespace {

/// Leaves from top to bottom, so that no lines cross.
std::vector<int> leaves_in_order(const TreeChart& chart) {
  const auto leaves = static_cast<int>(chart.leaves.size());
  std::vector<int> order;
  std::vector<int> left = {leaves + static_cast<int>(chart.joints.size()) - 1};  // a stack
  while (!left.empty()) {
    const int node = left.back();
    left.pop_back();
    if (node < leaves) {
      order.push_back(node);
      continue;
    }
    const ReportJoint& joint = chart.joints[static_cast<std::size_t>(node - leaves)];
    left.push_back(joint.second);
    left.push_back(joint.first);
  }
  return order;
}

struct Node {
  double x = 0;
  double y = 0;
};

}  // namespace

std::string to_svg(const TreeChart& chart) {
  if (chart.joints.empty()) return {};
  constexpr double width = 640;
  constexpr double step = 19;
  constexpr double left = 210;
  constexpr double right = width - 20;
  constexpr double top = 8;
  const double bottom = top + step * static_cast<double>(chart.leaves.size());
  const double highest = std::max(chart.joints.back().height, 1e-12);
  Svg svg(width, bottom + 38, chart.title);
  for (const double tick : axis_ticks(0, highest, 5)) {
    const double x = left + tick / highest * (right - left);
    svg.line(x, top, x, bottom, "class=\"grid\"");
    svg.text(x, bottom + 15, decimals("%.2g", tick), "middle");
  }
  svg.text((left + right) / 2, bottom + 32, chart.x_label, "middle", "class=\"soft\"");
  std::vector<Node> nodes(chart.leaves.size());
  double y = top + step / 2;
  for (const int leaf : leaves_in_order(chart)) {
    const auto& of_leaf = chart.leaves[static_cast<std::size_t>(leaf)];
    nodes[static_cast<std::size_t>(leaf)] = {.x = left, .y = y};
    const std::string key = " data-cluster=\"" + std::to_string(of_leaf.key) + "\"";
    svg.rectangle(left - 22, y - 7, 14, 14,
                  "class=\"key-square\" rx=\"3\" fill=\"" + escaped(of_leaf.colour) + "\"" + key);
    svg.text(left - 28, y + 4, shortened(of_leaf.label, 27), "end");
    y += step;
  }
  for (const ReportJoint& joint : chart.joints) {
    const Node a = nodes[static_cast<std::size_t>(joint.first)];
    const Node b = nodes[static_cast<std::size_t>(joint.second)];
    const double x = left + joint.height / highest * (right - left);
    const auto point = [](double px, double py) { return length_text(px) + "," + length_text(py) + " "; };
    svg.polyline(point(a.x, a.y) + point(x, a.y) + point(x, b.y) + point(b.x, b.y), "class=\"branch\"");
    nodes.push_back({.x = x, .y = (a.y + b.y) / 2});
  }
  return svg.end();
}

}  // namespace datus
