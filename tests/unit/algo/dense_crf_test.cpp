// SPDX-License-Identifier: Apache-2.0
#include "datus/algo/dense_crf.hpp"

#include "algo/refine/gaussian_filter.hpp"
#include "algo/refine/groups.hpp"
#include "algo/refine/lattice_points.hpp"
#include "algo/refine/mean_field.hpp"
#include "algo/refine/pixel_checks.hpp"
#include "algo/refine/row_filter.hpp"
#include "datus/algo/pixel_classes.hpp"
#include "datus/core/error.hpp"
#include "datus/core/half.hpp"
#include "refine_images.hpp"
#include "support/golden.hpp"

#include <cstring>
#include <limits>
#include <map>
#include <string>

#include <gtest/gtest.h>

namespace datus::test {
namespace dense_crf_test {

using namespace refine_detail;

/// D^-1/2 K D^-1/2 of all pairs, K_ij = exp(-|place_i - place_j|^2 / 2), in double precision.
std::vector<double> exact_kernel(const std::vector<float>& places, int dim) {
  const std::size_t count = places.size() / dim;
  std::vector<double> kernel(count * count);
  std::vector<double> sums(count);
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t j = 0; j < count; ++j) {
      double distance = 0.0;
      for (int d = 0; d < dim; ++d) {
        const double difference = double{places[i * dim + d]} - places[j * dim + d];
        distance += difference * difference;
      }
      kernel[i * count + j] = std::exp(-0.5 * distance);
      sums[i] += kernel[i * count + j];
    }
  }
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t j = 0; j < count; ++j) kernel[i * count + j] /= std::sqrt(sums[i] * sums[j]);
  }
  return kernel;
}

/// values [count][classes] by the kernel [count][count].
std::vector<double> filtered(const std::vector<double>& kernel, const std::vector<double>& values, int classes) {
  const std::size_t count = values.size() / classes;
  std::vector<double> result(values.size());
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t j = 0; j < count; ++j) {
      for (int c = 0; c < classes; ++c) result[i * classes + c] += kernel[i * count + j] * values[j * classes + c];
    }
  }
  return result;
}

std::vector<float> places_of(const Image& image, float std, float colour_std) {
  std::vector<float> places;
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < image.width; ++x) {
      places.push_back(static_cast<float>(x) / std);
      places.push_back(static_cast<float>(y) / std);
      if (colour_std == 0.0F) continue;
      for (int c = 0; c < 3; ++c)
        places.push_back(static_cast<float>(image.row(y)[std::size_t(x) * 3 + c]) / colour_std);
    }
  }
  return places;
}

void softmax_in_double(std::vector<double>& values, int classes) {
  for (std::size_t first = 0; first < values.size(); first += classes) {
    double sum = 0.0;
    for (int c = 0; c < classes; ++c) sum += values[first + c] = std::exp(values[first + c]);
    for (int c = 0; c < classes; ++c) values[first + c] /= sum;
  }
}

/// values [pixels][classes] to groups [groups][pixels][group_size], lanes without a class as `filling`.
AlignedVector<float> grouped(const std::vector<float>& values, int classes, float filling) {
  const std::size_t group = values.size() / classes * group_size;
  AlignedVector<float> groups(group * groups_of(classes), filling);
  const GiveClasses give = give_from(values, classes);
  for_each_group(classes, [&](int first, int count) {
    give(first, count, 0, std::span(groups).subspan(first / group_size * group, group));
  });
  return groups;
}

/// The way back.
std::vector<float> ungrouped(const AlignedVector<float>& groups, int classes) {
  const std::size_t group = groups.size() / groups_of(classes);
  std::vector<float> values(group / group_size * classes);
  const TakeClasses take = take_to(values, classes);
  for_each_group(classes, [&](int first, int count) {
    take(first, count, 0, std::span(groups).subspan(first / group_size * group, group));
  });
  return values;
}

/// Of all pixels at once.
void filter_all(GaussianFilter& filter, const float* values, float factor, const float* base, float* sums,
                std::int64_t pixels) {
  filter.clear();
  filter.spread(0, pixels, values);
  filter.blur();
  filter.gather(0, pixels, factor, base, sums);
}

TEST(DenseCrf, LatticePointsAreThoseOfAMap) {
  std::mt19937 generator(1);
  std::uniform_int_distribution<int> coordinate(-9, 9);
  LatticePoints points;
  for (int round = 0; round < 2; ++round) {
    points.clear();
    std::map<std::vector<int>, std::int32_t> expected;
    const auto key_of = [](const std::vector<int>& place) {
      LatticeKey key;
      for (int i = 0; i < 5; ++i) key = key + LatticeKey::of_field(i, place[i] + LatticeKey::offset);
      return key;
    };
    std::vector<int> place(5);
    for (int i = 0; i < 40'000; ++i) {
      for (int& value : place) value = coordinate(generator);
      const auto found = expected.try_emplace(place, static_cast<std::int32_t>(expected.size())).first;
      ASSERT_EQ(points.add(key_of(place)), found->second);
    }
    ASSERT_EQ(points.size(), static_cast<std::int32_t>(expected.size()));
    for (int i = 0; i < 40'000; ++i) {
      for (int& value : place) value = coordinate(generator);
      const auto found = expected.find(place);
      ASSERT_EQ(points.find(key_of(place)), found == expected.end() ? LatticePoints::none : found->second);
    }
  }
}

/// Root of the mean squared difference to the exact result, as a share of that of the result itself.
template <int dim>
double lattice_error(const Image& image, float std, float colour_std) {
  const std::vector<float> places = places_of(image, std, colour_std);
  const int classes = 7;
  const std::size_t pixels = places.size() / dim;
  // Waves with noise: of noise alone, a filter leaves nothing to compare.
  std::vector<float> values = random_values(pixels * classes, 5);
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = std::sin(0.002F * static_cast<float>(i * (1 + i % classes))) + 0.2F * values[i];
  }
  const std::vector<double> exact = filtered(exact_kernel(places, dim), {values.begin(), values.end()}, classes);
  const AlignedVector<float> groups = grouped(values, classes, 0.0F);
  AlignedVector<float> sums(groups.size());
  GaussianFilter filter(scalar_kernel());
  filter.build<dim>(places);
  filter_all(filter, groups.data(), 1.0F, sums.data(), sums.data(), static_cast<std::int64_t>(pixels));
  const std::vector<float> result = ungrouped(sums, classes);
  double squares = 0.0;
  double spread = 0.0;
  for (std::size_t i = 0; i < exact.size(); ++i) {
    squares += (result[i] - exact[i]) * (result[i] - exact[i]);
    spread += exact[i] * exact[i];
  }
  return std::sqrt(squares / spread);
}

TEST(DenseCrf, TheLatticeIsNearTheGaussian) {
  const Image image = edged_image(24, 20, 3);
  // Linear interpolation in cells about as large as the Gaussian: 5 to 11 % of the exact result, root mean square.
  for (const float std : {1.0F, 2.0F, 4.0F}) EXPECT_LT(lattice_error<2>(image, std, 0.0F), 0.08) << std;
  EXPECT_LT(lattice_error<5>(image, 6.0F, 20.0F), 0.12);
  EXPECT_LT(lattice_error<5>(image, 67.0F, 13.0F), 0.12);
}

TEST(DenseCrf, RowsOneAfterTheOtherHaveTheSameBitsAsAllAtOnce) {
  struct Case {
    int height;
    int width;
    float std;
  };
  for (const Case& c : {Case{40, 33, 1.0F}, Case{33, 40, 0.5F}, Case{25, 30, 3.0F}, Case{50, 3, 1.7F},
                        Case{30, 20, 40.0F}, Case{1, 60, 1.0F}, Case{60, 1, 1.0F}, Case{1, 1, 1.0F}}) {
    const std::vector<float> places = places_of(Image(c.height, c.width), c.std, 0.0F);
    const std::int64_t pixels = std::int64_t{c.height} * c.width;
    for (const SimdPath path : supported_simd_paths()) {
      GaussianFilter all(kernel_for(path));
      all.build<2>(places);
      RowFilter rows(kernel_for(path));
      rows.build(places_of(Image(31, 17), 2.0F, 0.0F), 17);
      rows.build(places, c.width);
      ASSERT_EQ(rows.rows(), c.height);
      for (unsigned seed = 1; seed < 3; ++seed) {
        std::vector<float> random = random_values(pixels * group_size, seed);
        for (float& value : random) value = std::abs(value);
        const AlignedVector<float> base(random.begin(), random.end());
        random = random_values(pixels * group_size, seed + 10);
        for (float& value : random) value = std::abs(value);
        AlignedVector<float> values(random.begin(), random.end());
        AlignedVector<float> expected(values.size());
        filter_all(all, values.data(), 3.0F, base.data(), expected.data(), pixels);
        // In the place of the values, as the CRF does.
        for (std::int64_t y = 0; y < c.height; ++y) rows.step(y, values.data(), 3.0F, base.data(), values.data());
        ASSERT_EQ(std::memcmp(values.data(), expected.data(), 4 * values.size()), 0)
            << c.height << " x " << c.width << " " << c.std << " " << name(path);
      }
    }
  }
}

/// Messages of exact kernels.
class ExactMessages final : public Messages {
 public:
  ExactMessages(std::span<const std::vector<double>> kernels, std::span<const double> weights)
      : kernels_(kernels), weights_(weights) {}

  void take(const float* /*unary*/, float* values) override {
    const std::vector<double> taken(values, values + pixels() * group_size);
    sums_.assign(taken.size(), 0.0);
    for (std::size_t k = 0; k < kernels_.size(); ++k) {
      const std::vector<double> message = filtered(kernels_[k], taken, group_size);
      for (std::size_t i = 0; i < message.size(); ++i) sums_[i] += weights_[k] * message[i];
    }
    std::fill_n(values, taken.size(), -7.0F);
  }
  void give(std::int64_t first, std::int64_t count, const float* unary, float* values) override {
    for (std::int64_t i = first * group_size; i < (first + count) * group_size; ++i) {
      values[i] = static_cast<float>(unary[i] + sums_[static_cast<std::size_t>(i)]);
    }
  }

 private:
  [[nodiscard]] std::int64_t pixels() const { return std::lround(std::sqrt(kernels_[0].size())); }

  std::span<const std::vector<double>> kernels_;
  std::span<const double> weights_;
  std::vector<double> sums_;
};

TEST(DenseCrf, MeanFieldEqualsDoublePrecision) {
  const Image image = edged_image(20, 24, 2);
  const std::vector<double> kernels[] = {exact_kernel(places_of(image, 1.0F, 0.0F), 2),
                                         exact_kernel(places_of(image, 20.0F, 9.0F), 5)};
  const double weights[] = {3.0, 4.0};
  const std::int64_t pixels = 480;
  for (const int classes : {3, 7, 20}) {
    const std::vector<float> logits = random_values(pixels * classes, 10 + classes);
    std::vector<double> expected(logits.begin(), logits.end());
    softmax_in_double(expected, classes);
    for (int iteration = 0; iteration < 5; ++iteration) {
      // As the paper has it: a class pays for what the others have.
      std::vector<double> next(logits.begin(), logits.end());
      for (int k = 0; k < 2; ++k) {
        const std::vector<double> message = filtered(kernels[k], expected, classes);
        for (std::size_t i = 0; i < next.size(); ++i) {
          const std::size_t first = i / classes * classes;
          for (int c = 0; c < classes; ++c) next[i] -= first + c == i ? 0.0 : weights[k] * message[first + c];
        }
      }
      softmax_in_double(next, classes);
      expected = next;
    }
    for (const SimdPath path : supported_simd_paths()) {
      const AlignedVector<float> unary = grouped(logits, classes, no_class);
      AlignedVector<float> values(unary.size());
      ExactMessages messages(kernels, weights);
      mean_field(kernel_for(path), unary, pixels, 5, messages, values);
      const std::vector<float> result = ungrouped(values, classes);
      for (std::size_t i = 0; i < result.size(); ++i) ASSERT_NEAR(result[i], expected[i], 1e-5) << classes << " " << i;
    }
  }
}

TEST(DenseCrf, EachPathHasTheSameBits) {
  for (const int classes : {1, 3, 16, 17, 27, 40}) {
    const Image image = edged_image(33, 47, 4);
    const std::vector<float> logits = random_values(std::size_t{33} * 47 * classes, classes);
    std::vector<float> first = logits;
    DenseCrf(DenseCrfOptions{}, SimdPath::scalar).refine(image, first, classes);
    for (const SimdPath path : supported_simd_paths()) {
      DenseCrf crf(DenseCrfOptions{}, path);
      // What other images left behind does not show.
      for (const Image& other : {edged_image(50, 47, 5), edged_image(33, 31, 6)}) {
        std::vector<float> of_other = random_values(other.pixels.size() / 3 * 5, 7);
        crf.refine(other, of_other, 5);
      }
      std::vector<float> values = logits;
      crf.refine(image, values, classes);
      EXPECT_EQ(std::memcmp(values.data(), first.data(), 4 * values.size()), 0) << classes << " " << name(path);
    }
  }
}

TEST(DenseCrf, OneImageServesSeveralClusterings) {
  const Image image = edged_image(31, 42, 8);
  DenseCrf together;
  together.look_at(image);
  for (const int classes : {20, 3, 35}) {
    const std::vector<float> logits = random_values(std::size_t{31} * 42 * classes, classes);
    std::vector<float> expected = logits;
    DenseCrf().refine(image, expected, classes);
    std::vector<float> values(logits.size());
    together.refine(classes, give_from(logits, classes), take_to(values, classes));
    EXPECT_EQ(std::memcmp(values.data(), expected.data(), 4 * values.size()), 0) << classes;
  }
  EXPECT_THROW(together.refine(0, {}, {}), InputError);
  EXPECT_THROW(DenseCrf().refine(3, {}, {}), InputError);
}

TEST(DenseCrf, EqualsPydensecrf) {
  const auto cases = read_json("golden/dense_crf/cases.json");
  const auto tensors = read_golden("golden/dense_crf/photo.safetensors");
  const auto& shape = tensors.at("image").shape;
  Image image(static_cast<int>(shape[0]), static_cast<int>(shape[1]));
  image.pixels = tensors.at("image").as<std::uint8_t>();
  const int classes = cases["classes"];
  std::vector<float> logits;
  for (const std::int8_t value : tensors.at("logits_times_32").as<std::int8_t>()) logits.push_back(value / 32.0F);
  const LabelMap before = largest_classes(logits, image.height, image.width, classes);
  for (const auto& record : cases["cases"]) {
    const auto stored = tensors.at("marginals_" + record["name"].get<std::string>()).as<half>();
    std::vector<float> expected(stored.size());
    to_float(stored, expected);
    std::vector<float> values = logits;
    DenseCrf crf({.iterations = record["iterations"],
                  .position_weight = record["position"][0],
                  .position_std = record["position"][1],
                  .bilateral_weight = record["bilateral"][0],
                  .bilateral_position_std = record["bilateral"][1],
                  .bilateral_colour_std = record["bilateral"][2]});
    crf.refine(image, values, classes);
    for (std::size_t i = 0; i < values.size(); ++i) {
      ASSERT_NEAR(values[i], expected[i], cases["tolerance"]["marginals_abs"].get<float>())
          << record["name"] << " " << i;
    }
    const LabelMap labels = largest_classes(values, image.height, image.width, classes);
    int changed = 0;
    for (std::size_t i = 0; i < labels.labels.size(); ++i) changed += labels.labels[i] != before.labels[i] ? 1 : 0;
    EXPECT_NEAR(static_cast<double>(changed) / static_cast<double>(labels.labels.size()), record["changed_labels"],
                1e-3);
  }
}

TEST(DenseCrf, WrongInputIsRefused) {
  const Image image = edged_image(4, 5, 1);
  std::vector<float> values(60, 0.5F);
  DenseCrf crf;
  EXPECT_THROW(crf.refine(image, values, 2), InputError);
  EXPECT_THROW(crf.refine(image, values, 0), InputError);
  EXPECT_THROW(crf.refine(Image{}, {}, 3), InputError);
  values[37] = std::numeric_limits<float>::infinity();
  try {
    crf.refine(image, values, 3);
    FAIL();
  } catch (const InputError& error) {
    EXPECT_NE(std::string(error.what()).find("pixel 12, class 1 is inf"), std::string::npos) << error.what();
  }
  EXPECT_THROW(DenseCrf({.iterations = -1}), UsageError);
  EXPECT_THROW(DenseCrf({.position_weight = -1.0F}), UsageError);
  EXPECT_THROW(DenseCrf({.bilateral_colour_std = 0.1F}), UsageError);
  EXPECT_THROW(DenseCrf({.bilateral_position_std = std::numeric_limits<float>::quiet_NaN()}), UsageError);
}

TEST(DenseCrf, WithoutIterationsItIsTheSoftmax) {
  const Image image = edged_image(3, 4, 1);
  std::vector<float> values(24, 2.0F);
  values[0] = 2.0F + std::log(3.0F);
  DenseCrf({.iterations = 0}).refine(image, values, 2);
  EXPECT_NEAR(values[0], 0.75F, 1e-6F);
  EXPECT_NEAR(values[1], 0.25F, 1e-6F);
  EXPECT_EQ(values[2], 0.5F);
}

}  // namespace dense_crf_test
}  // namespace datus::test
