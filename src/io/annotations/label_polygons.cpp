// SPDX-License-Identifier: Apache-2.0
#include "datus/io/label_polygons.hpp"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <utility>

namespace datus {
namespace {

struct Pixel {
  int x = 0;
  int y = 0;
};

/// The number of each pixel's area; -1 where there is no label.
class Areas {
 public:
  explicit Areas(const LabelMap& map) : map_(map), numbers_(map.labels.size(), -1) {
    for (int y = 0; y < map.height; ++y) {
      for (int x = 0; x < map.width; ++x) {
        if (label_at({x, y}) != no_label && at({x, y}) < 0) fill({x, y});
      }
    }
  }
  [[nodiscard]] int at(Pixel pixel) const {
    return pixel.x < 0 || pixel.y < 0 || pixel.x >= map_.width || pixel.y >= map_.height ? -1 : numbers_[place(pixel)];
  }
  [[nodiscard]] const std::vector<std::int32_t>& labels() const { return labels_; }

 private:
  [[nodiscard]] std::size_t place(Pixel pixel) const {
    return static_cast<std::size_t>(pixel.y) * static_cast<std::size_t>(map_.width) + static_cast<std::size_t>(pixel.x);
  }
  [[nodiscard]] std::int32_t label_at(Pixel pixel) const { return map_.labels[place(pixel)]; }

  void fill(Pixel first) {
    const int number = static_cast<int>(labels_.size());
    const std::int32_t label = label_at(first);
    labels_.push_back(label);
    numbers_[place(first)] = number;
    std::vector<Pixel> open = {first};
    while (!open.empty()) {
      const Pixel pixel = open.back();
      open.pop_back();
      for (const Pixel next : {Pixel{pixel.x + 1, pixel.y}, Pixel{pixel.x - 1, pixel.y}, Pixel{pixel.x, pixel.y + 1},
                               Pixel{pixel.x, pixel.y - 1}}) {
        if (next.x < 0 || next.y < 0 || next.x >= map_.width || next.y >= map_.height) continue;
        if (label_at(next) != label || numbers_[place(next)] >= 0) continue;
        numbers_[place(next)] = number;
        open.push_back(next);
      }
    }
  }

  const LabelMap& map_;
  std::vector<int> numbers_;
  std::vector<std::int32_t> labels_;
};

/// East, south, west, north.
constexpr int step_x[] = {1, 0, -1, 0};
constexpr int step_y[] = {0, 1, 0, -1};

/// Walks along the edges of areas, each with its area to the right.
class Tracer {
 public:
  Tracer(const LabelMap& map, const Areas& areas)
      : areas_(areas), width_(map.width), walked_(map.labels.size(), false) {}

  /// Whether a loop that nobody has walked yet begins at the upper edge of the pixel, which every loop has somewhere.
  [[nodiscard]] bool begins(Pixel pixel) const {
    const int area = areas_.at(pixel);
    return area >= 0 && areas_.at({pixel.x, pixel.y - 1}) != area && !walked_[place(pixel)];
  }

  [[nodiscard]] std::vector<Corner> loop_from(const Pixel first) {
    std::vector<Corner> corners = {{first.x, first.y}};
    Pixel pixel = first;
    int direction = 0;
    do {
      if (direction == 0) walked_[place(pixel)] = true;
      const int turn = turn_at_end(pixel, direction);
      if (turn != 0) corners.push_back(end_of(pixel, direction));
      const int left = (direction + 3) % 4;
      // Ahead lies the next pixel of the area; where it also bends to the left, the one beside that.
      if (turn <= 0) pixel = {pixel.x + step_x[direction], pixel.y + step_y[direction]};
      if (turn < 0) pixel = {pixel.x + step_x[left], pixel.y + step_y[left]};
      direction = (direction + turn + 4) % 4;
    } while (pixel.x != first.x || pixel.y != first.y || direction != 0);
    corners.pop_back();  // the first one again
    return corners;
  }

 private:
  [[nodiscard]] std::size_t place(Pixel pixel) const {
    return static_cast<std::size_t>(pixel.y) * static_cast<std::size_t>(width_) + static_cast<std::size_t>(pixel.x);
  }
  /// 1 to the right, 0 straight on, -1 to the left. Pixels that touch by a corner alone are not connected.
  [[nodiscard]] int turn_at_end(Pixel pixel, int direction) const {
    const int left = (direction + 3) % 4;
    const int area = areas_.at(pixel);
    const Pixel ahead = {pixel.x + step_x[direction], pixel.y + step_y[direction]};
    if (areas_.at(ahead) != area) return 1;
    return areas_.at({ahead.x + step_x[left], ahead.y + step_y[left]}) == area ? -1 : 0;
  }
  /// The corner at which the edge ends: of a pixel's upper edge, walked to the east, its upper right one, and so on.
  static Corner end_of(Pixel pixel, int direction) {
    return {pixel.x + (direction == 0 || direction == 1 ? 1 : 0), pixel.y + (direction == 1 || direction == 2 ? 1 : 0)};
  }

  const Areas& areas_;
  int width_;
  std::vector<bool> walked_;
};

/// Above 0 for the outside of an area, below for a hole.
std::int64_t signed_area(const std::vector<Corner>& loop) {
  std::int64_t twice = 0;
  for (std::size_t i = 0; i < loop.size(); ++i) {
    const Corner& a = loop[i];
    const Corner& b = loop[(i + 1) % loop.size()];
    twice += std::int64_t{a.x} * b.y - std::int64_t{b.x} * a.y;
  }
  return twice;
}

/// Adds a hole, there and back from the nearest corner.
void join(std::vector<Corner>& outside, const std::vector<Corner>& hole) {
  std::int64_t nearest = std::numeric_limits<std::int64_t>::max();
  std::size_t from = 0;
  std::size_t to = 0;
  for (std::size_t i = 0; i < outside.size(); ++i) {
    for (std::size_t j = 0; j < hole.size(); ++j) {
      const std::int64_t x = outside[i].x - hole[j].x;
      const std::int64_t y = outside[i].y - hole[j].y;
      if (x * x + y * y >= nearest) continue;
      nearest = x * x + y * y;
      from = i;
      to = j;
    }
  }
  std::vector<Corner> detour(hole.begin() + static_cast<std::ptrdiff_t>(to), hole.end());
  detour.insert(detour.end(), hole.begin(), hole.begin() + static_cast<std::ptrdiff_t>(to) + 1);
  detour.push_back(outside[from]);
  outside.insert(outside.begin() + static_cast<std::ptrdiff_t>(from) + 1, detour.begin(), detour.end());
}

}  // namespace

std::vector<LabelPolygon> label_polygons(const LabelMap& map) {
  const Areas areas(map);
  std::vector<LabelPolygon> polygons(areas.labels().size());
  for (std::size_t i = 0; i < polygons.size(); ++i) polygons[i].label = areas.labels()[i];
  Tracer tracer(map, areas);
  for (int y = 0; y < map.height; ++y) {
    for (int x = 0; x < map.width; ++x) {
      if (!tracer.begins({x, y})) continue;
      auto& outside = polygons[static_cast<std::size_t>(areas.at({x, y}))].corners;
      auto loop = tracer.loop_from({x, y});
      // The outside of an area comes first: its topmost pixel lies above all of its holes.
      if (signed_area(loop) > 0) {
        outside = std::move(loop);
      } else {
        join(outside, loop);
      }
    }
  }
  return polygons;
}

}  // namespace datus
