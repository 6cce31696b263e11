// SPDX-License-Identifier: Apache-2.0
#include "datus/model/normalise.hpp"

#include "datus/core/error.hpp"

#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

namespace datus {
namespace normalise_test {

// The golden rows of the descriptor family are compared in masked_crop_test.cpp.

TEST(Normalise, PlanesAndChannelOrder) {
  Image image(1, 2);
  image.pixels = {0, 51, 255, 102, 204, 153};
  const std::array<float, 3> mean{0.0F, 0.5F, 0.25F};
  const std::array<float, 3> stddev{1.0F, 0.5F, 0.25F};
  std::vector<float> out(6);
  normalise(image, mean, stddev, false, out);
  const std::vector<float> rgb{0.0F, 0.4F, -0.6F, 0.6F, 3.0F, 1.4F};
  for (std::size_t i = 0; i < out.size(); ++i) EXPECT_NEAR(out[i], rgb[i], 1e-6) << i;
  // Plane 0 is blue now, with the mean and the deviation of plane 0.
  normalise(image, mean, stddev, true, out);
  const std::vector<float> bgr{1.0F, 0.6F, -0.6F, 0.6F, -1.0F, 0.6F};
  for (std::size_t i = 0; i < out.size(); ++i) EXPECT_NEAR(out[i], bgr[i], 1e-6) << i;
}

TEST(Normalise, RefusesWrongSizesAndDeviations) {
  const Image image(2, 2);
  std::vector<float> out(12);
  EXPECT_THROW(normalise(image, {}, {1.0F, 1.0F, 1.0F}, false, std::span(out).first(11)), InputError);
  EXPECT_THROW(normalise(image, {}, {1.0F, 0.0F, 1.0F}, false, out), UsageError);
}

}  // namespace normalise_test
}  // namespace datus
