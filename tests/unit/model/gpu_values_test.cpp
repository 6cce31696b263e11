// SPDX-License-Identifier: Apache-2.0
#include "datus/model/gpu_values.hpp"

#include <gtest/gtest.h>

namespace datus::test {
namespace gpu_values_test {

ViTArchitecture model(int hidden, Activation activation) {
  ViTArchitecture made;
  made.patch = 8;
  made.dim = 10;
  made.depth = 3;
  made.hidden = hidden;
  made.parameters = 5000;
  made.registers = 4;
  made.activation = activation;
  return made;
}

TEST(GpuValues, AreThoseOfTheWidestPoint) {
  // 5 leading tokens and 7 patches of 192 numbers. Attention has 80 for each token, an MLP 30 and its hidden layers.
  EXPECT_EQ(activation_values(model(40, Activation::gelu), 7, false), 12 * 80 + 7 * 192);
  EXPECT_EQ(activation_values(model(60, Activation::gelu), 7, false), 12 * 90 + 7 * 192);
  EXPECT_EQ(activation_values(model(40, Activation::swiglu), 7, false), 12 * 150 + 7 * 192);
  EXPECT_EQ(activation_values(model(40, Activation::gelu), 7, true), 12 * 110 + 7 * 192);
}

TEST(GpuValues, OfWeightsHaveTheProjectionsTwiceIn16Bits) {
  EXPECT_EQ(weight_values(model(40, Activation::gelu), false), 5000);
  EXPECT_EQ(weight_values(model(40, Activation::gelu), true), 5000 + 3 * (3 * 10 * 10 + 3 * 10));
}

}  // namespace gpu_values_test
}  // namespace datus::test
