// SPDX-License-Identifier: Apache-2.0
#include "datus/algo/guided_filter.hpp"

#include "algo/refine/groups.hpp"
#include "datus/algo/pixel_classes.hpp"
#include "datus/core/error.hpp"
#include "refine_images.hpp"

#include <cstring>
#include <limits>

#include <Eigen/Dense>
#include <gtest/gtest.h>

namespace datus::test {
namespace guided_filter_test {

/// The definition, window by window in double precision, for one class of values [height][width] of cells.
class PlainFilter {
 public:
  PlainFilter(int height, int width, std::vector<Eigen::Vector3d> colours, std::vector<double> values, int radius,
              double epsilon)
      : height_(height), width_(width), colours_(std::move(colours)), values_(std::move(values)), radius_(radius) {
    for (int cell = 0; cell < height * width; ++cell) models_.push_back(model_of(cell, epsilon));
  }

  /// The mean model of the windows that hold the cell.
  [[nodiscard]] Eigen::Vector4d model(int cell) const {
    Eigen::Vector4d sum = Eigen::Vector4d::Zero();
    const std::vector<int> windows = window(cell);
    for (const int other : windows) sum += models_[other];
    return sum / static_cast<double>(windows.size());
  }

 private:
  [[nodiscard]] std::vector<int> window(int cell) const {
    std::vector<int> cells;
    for (int other = 0; other < height_ * width_; ++other) {
      const bool near =
          std::abs(other / width_ - cell / width_) <= radius_ && std::abs(other % width_ - cell % width_) <= radius_;
      if (near) cells.push_back(other);
    }
    return cells;
  }

  /// Least squares with epsilon on the factors: the normal equations of all cells of the window, for values = a^T I +
  /// b.
  [[nodiscard]] Eigen::Vector4d model_of(int cell, double epsilon) const {
    Eigen::Matrix4d matrix = Eigen::Matrix4d::Zero();
    Eigen::Vector4d right = Eigen::Vector4d::Zero();
    for (const int other : window(cell)) {
      const Eigen::Vector4d row(colours_[other][0], colours_[other][1], colours_[other][2], 1.0);
      matrix += row * row.transpose();
      right += row * values_[other];
      matrix.diagonal().head<3>().array() += epsilon;
    }
    return matrix.fullPivLu().solve(right);
  }

  int height_;
  int width_;
  std::vector<Eigen::Vector3d> colours_;
  std::vector<double> values_;
  int radius_;
  std::vector<Eigen::Vector4d> models_;
};

Eigen::Vector3d colour_of(const Image& image, int y, int x) {
  const auto* pixel = image.row(y).data() + std::size_t(x) * 3;
  return Eigen::Vector3d(pixel[0], pixel[1], pixel[2]) / 255.0;
}

/// One class of values [pixels][classes], refined.
std::vector<double> refined(const Image& image, const std::vector<float>& values, int classes, int k,
                            const GuidedFilterOptions& options) {
  const int step = options.step;
  const int height = (image.height + step - 1) / step;
  const int width = (image.width + step - 1) / step;
  std::vector<Eigen::Vector3d> colours(std::size_t(height) * width, Eigen::Vector3d::Zero());
  std::vector<double> cells(colours.size());
  std::vector<int> counts(colours.size());
  for (int i = 0; i < image.height * image.width; ++i) {
    const int cell = i / image.width / step * width + i % image.width / step;
    colours[cell] += colour_of(image, i / image.width, i % image.width);
    cells[cell] += values[std::size_t(i) * classes + k];
    ++counts[cell];
  }
  for (std::size_t cell = 0; cell < cells.size(); ++cell) {
    colours[cell] /= counts[cell];
    cells[cell] /= counts[cell];
  }
  const PlainFilter filter(height, width, colours, cells, options.radius, options.epsilon);
  std::vector<double> result;
  const auto place = [step](int pixel, int count) { return std::clamp((pixel + 0.5) / step - 0.5, 0.0, count - 1.0); };
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < image.width; ++x) {
      const double at_y = place(y, height);
      const double at_x = place(x, width);
      Eigen::Vector4d model = Eigen::Vector4d::Zero();
      for (int cell = 0; cell < height * width; ++cell) {
        const double share =
            std::max(0.0, 1.0 - std::abs(at_y - cell / width)) * std::max(0.0, 1.0 - std::abs(at_x - cell % width));
        if (share > 0.0) model += share * filter.model(cell);
      }
      result.push_back(model.head<3>().dot(colour_of(image, y, x)) + model[3]);
    }
  }
  return result;
}

TEST(GuidedFilter, EqualsTheDefinition) {
  struct Case {
    int height;
    int width;
    int classes;
    GuidedFilterOptions options;
  };
  for (const Case& c : {Case{12, 10, 3, {.step = 1, .radius = 2, .epsilon = 1e-2F}},
                        Case{23, 31, 7, {.step = 3, .radius = 1, .epsilon = 1e-3F}},
                        Case{24, 20, 18, {.step = 4, .radius = 9, .epsilon = 1e-4F}},
                        Case{9, 2, 2, {.step = 5, .radius = 2, .epsilon = 1e-2F}}}) {
    const Image image = edged_image(c.height, c.width, 7);
    const std::vector<float> values = random_values(std::size_t(c.height) * c.width * c.classes, 8);
    std::vector<float> result = values;
    guided_filter(image, result, c.classes, c.options);
    for (const int k : {0, c.classes - 1}) {
      const std::vector<double> expected = refined(image, values, c.classes, k, c.options);
      for (std::size_t i = 0; i < expected.size(); ++i) {
        ASSERT_NEAR(result[i * c.classes + k], expected[i], 1e-5 * (1.0 + std::abs(expected[i])))
            << c.height << " " << i;
      }
    }
  }
}

TEST(GuidedFilter, EachPathHasTheSameBitsForOneClusteringAfterTheOther) {
  const Image image = edged_image(35, 50, 3);
  for (const SimdPath path : supported_simd_paths()) {
    GuidedFilter filter({}, path);
    filter.look_at(edged_image(20, 70, 4));
    filter.look_at(image);
    for (const int classes : {1, 40, 18}) {
      const std::vector<float> cells = random_values(std::size_t{9} * 13 * classes, classes);
      const auto give = refine_detail::give_from(cells, classes);
      std::vector<float> expected(std::size_t{35} * 50 * classes);
      GuidedFilter alone({}, SimdPath::scalar);
      alone.look_at(image);
      alone.refine(classes, give, refine_detail::take_to(expected, classes));
      std::vector<float> result(expected.size());
      filter.refine(classes, give, refine_detail::take_to(result, classes));
      EXPECT_EQ(std::memcmp(result.data(), expected.data(), 4 * result.size()), 0) << classes << " " << name(path);
    }
  }
}

TEST(GuidedFilter, ClassesComeToTheEdgeOfTheImage) {
  Image image(40, 40);
  std::vector<float> values;
  for (int i = 0; i < 1600; ++i) {
    const int x = i % 40;
    std::fill_n(image.pixels.begin() + std::ptrdiff_t{3} * i, 3, std::uint8_t(x < 20 ? 40 : 200));
    // A slope that is 3 pixels off the edge.
    values.push_back(std::clamp(0.5F + static_cast<float>(x - 23) / 10.0F, 0.0F, 1.0F));
    values.push_back(1.0F - values.back());
  }
  guided_filter(image, values, 2, {.step = 4, .radius = 2, .epsilon = 1e-4F});
  const LabelMap labels = largest_classes(values, 40, 40, 2);
  for (int i = 0; i < 1600; ++i) ASSERT_EQ(labels.labels[i], i % 40 < 20 ? 1 : 0) << i % 40;
}

TEST(GuidedFilter, WrongInputIsRefused) {
  const Image image = edged_image(4, 5, 1);
  std::vector<float> values(60, 0.5F);
  EXPECT_THROW(guided_filter(image, values, 2), InputError);
  EXPECT_THROW(guided_filter(image, values, 3, {.step = 0}), UsageError);
  EXPECT_THROW(guided_filter(image, values, 3, {.radius = 0}), UsageError);
  EXPECT_THROW(guided_filter(image, values, 3, {.epsilon = 0.0F}), UsageError);
  EXPECT_THROW(GuidedFilter().refine(3, {}, {}), InputError);
  values[37] = std::numeric_limits<float>::quiet_NaN();
  try {
    guided_filter(image, values, 3);
    FAIL();
  } catch (const InputError& error) {
    EXPECT_NE(std::string(error.what()).find("cell 0, class 1 is "), std::string::npos) << error.what();
  }
}

}  // namespace guided_filter_test
}  // namespace datus::test
