// SPDX-License-Identifier: Apache-2.0
#include "model/torch/cuda/layer_kernels.hpp"

#include "datus/core/cuda/memory.hpp"
#include "datus/core/error.hpp"
#include "datus/core/half.hpp"
#include "datus/core/hash.hpp"
#include "datus/core/image.hpp"
#include "datus/model/normalise.hpp"
#include "support/gpu_required.hpp"

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <span>
#include <vector>

#include <gtest/gtest.h>

namespace datus::gpu_layers {
namespace {

/// The 16-bit patterns of values, or the values: what the device holds of a type.
std::uint16_t bfloat_bits(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  return static_cast<std::uint16_t>((bits + 0x7FFFU + ((bits >> 16U) & 1U)) >> 16U);
}
float rounded(Number number, float value) {
  if (number == Number::float16) return to_float(to_half(value));
  if (number == Number::bfloat16) return std::bit_cast<float>(std::uint32_t{bfloat_bits(value)} << 16U);
  return value;
}
/// The largest relative error of one rounding.
double rounding(Number number) {
  return number == Number::float32 ? 0x1p-24 : number == Number::bfloat16 ? 0x1p-8 : 0x1p-11;
}
/// The smallest number: small results are rounded to its multiples.
double smallest(Number number) {
  return number == Number::float32 ? 0x1p-149 : number == Number::bfloat16 ? 0x1p-133 : 0x1p-24;
}

/// Values on the device, in the type of `number`.
class Tensor {
 public:
  Tensor(Number number, const std::vector<float>& values, const cuda::Stream& stream)
      : number_(number), size_(values.size()), bytes_(values.size() * width()) {
    std::vector<std::byte> host(bytes_.size());
    for (std::size_t i = 0; i < size_; ++i) {
      const std::uint16_t bits = number == Number::float16 ? to_half(values[i]).bits : bfloat_bits(values[i]);
      std::memcpy(host.data() + i * width(), number == Number::float32 ? static_cast<const void*>(&values[i]) : &bits,
                  width());
    }
    cuda::copy(bytes_.data(), host.data(), host.size(), stream);
    stream.wait();
  }
  [[nodiscard]] void* data() { return bytes_.data(); }
  [[nodiscard]] std::vector<float> read(const cuda::Stream& stream) const {
    std::vector<std::byte> host(bytes_.size());
    cuda::copy(host.data(), bytes_.data(), host.size(), stream);
    stream.wait();
    std::vector<float> values(size_);
    for (std::size_t i = 0; i < size_; ++i) {
      if (number_ == Number::float32) {
        std::memcpy(&values[i], host.data() + i * 4, 4);
        continue;
      }
      std::uint16_t bits = 0;
      std::memcpy(&bits, host.data() + i * 2, 2);
      values[i] = number_ == Number::float16 ? to_float(half{bits}) : std::bit_cast<float>(std::uint32_t{bits} << 16U);
    }
    return values;
  }

 private:
  [[nodiscard]] std::size_t width() const { return number_ == Number::float32 ? 4 : 2; }
  Number number_;
  std::size_t size_;
  cuda::DeviceArray<std::byte> bytes_;
};

std::vector<float> random_values(Number number, std::size_t count, unsigned seed, float scale = 2.0F) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal(0.3F, scale);
  std::vector<float> values(count);
  for (float& value : values) value = rounded(number, normal(generator));
  return values;
}

class EachNumber : public testing::TestWithParam<Number> {};
INSTANTIATE_TEST_SUITE_P(GpuLayers, EachNumber, testing::Values(Number::float32, Number::bfloat16, Number::float16),
                         [](const auto& test) {
                           return test.param == Number::float32    ? "float32"
                                  : test.param == Number::bfloat16 ? "bfloat16"
                                                                   : "float16";
                         });

/// All numbers of 16 bits; of float32 as many.
std::vector<float> all_of(Number number) {
  std::vector<float> values;
  for (std::uint32_t bits = 0; bits < 0x10000U; ++bits) {
    const std::uint32_t low = number == Number::float32 ? bits * 40503 & 0xFFFFU : 0;
    values.push_back(number == Number::float16 ? to_float(half{static_cast<std::uint16_t>(bits)})
                                               : std::bit_cast<float>(bits << 16U | low));
  }
  return values;
}

/// Not of values that are equal: zeros have a sign.
bool same_number(float a, float b) {
  return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b) || (std::isnan(a) && std::isnan(b));
}

TEST_P(EachNumber, EachIsReadAndWrittenExactly) {
  DATUS_REQUIRE_GPU();
  const Number number = GetParam();
  const cuda::Stream stream;
  const auto values = all_of(number);
  constexpr int dim = 512;
  const auto rows = static_cast<std::int64_t>(values.size() / dim);
  Tensor residual(number, values, stream);
  // Whatever has -0 added to it stays what it is.
  Tensor nothing(number, std::vector<float>(values.size(), -0.0F), stream);
  Tensor normalised(number, values, stream);
  Tensor ones(Number::float32, std::vector<float>(dim, 1.0F), stream);
  const auto* const weight = static_cast<const float*>(ones.data());
  add_layer_norm(stream, number,
                 {residual.data(), nothing.data(), normalised.data(), weight, weight, 1e-5F, rows, dim});
  const auto found = residual.read(stream);
  for (std::size_t i = 0; i < values.size(); ++i) ASSERT_PRED2(same_number, found[i], values[i]) << i;
}

TEST_P(EachNumber, RoundingIsToNearestEven) {
  DATUS_REQUIRE_GPU();
  const Number number = GetParam();
  const cuda::Stream stream;
  // Before, at and behind the middle between two neighbours, of bfloat16 and float16, and at them.
  std::vector<float> values;
  for (std::uint32_t high = 0; high < 0x10000U; ++high) {
    for (const std::uint32_t low : {0x0000U, 0x0001U, 0x0FFFU, 0x1000U, 0x1001U, 0x7FFFU, 0x8000U, 0x8001U, 0xFFFFU}) {
      values.push_back(std::bit_cast<float>(high << 16U | low));
    }
  }
  constexpr std::size_t at_once = 3 * 256;
  values.resize((values.size() + at_once - 1) / at_once * at_once);
  // One pixel of each byte: patches of one pixel are the table, turned.
  std::vector<std::uint8_t> bytes;
  for (std::size_t i = 0; i < at_once; ++i) bytes.push_back(static_cast<std::uint8_t>(i / 3));
  cuda::DeviceArray<std::uint8_t> pixels(bytes.size());
  cuda::copy(pixels.data(), bytes.data(), bytes.size(), stream);
  for (std::size_t begin = 0; begin < values.size(); begin += at_once) {
    const auto first = values.begin() + static_cast<std::ptrdiff_t>(begin);
    Tensor table(Number::float32, std::vector<float>(first, first + at_once), stream);
    Tensor out(number, std::vector<float>(at_once), stream);
    take_patches(stream, number,
                 {pixels.data(), static_cast<const float*>(table.data()), out.data(), 1, 1, 256, 1, false});
    const auto found = out.read(stream);
    for (std::size_t i = 0; i < at_once; ++i) {
      const float value = values[begin + i % 3 * 256 + i / 3];
      ASSERT_PRED2(same_number, found[i], std::isnan(value) ? value : rounded(number, value)) << value;
    }
  }
}

TEST_P(EachNumber, AddLayerNormIsTheSumAndItsLayerNorm) {
  DATUS_REQUIRE_GPU();
  const Number number = GetParam();
  const cuda::Stream stream;
  for (const int dim : {8, 32, 192, 384, 520, 768, 1536, 4096}) {
    const std::int64_t rows = 7;
    const auto size = static_cast<std::size_t>(rows * dim);
    const auto start = random_values(number, size, 1);
    const auto branch = random_values(number, size, 2);
    const auto weight = random_values(Number::float32, static_cast<std::size_t>(dim), 3, 1);
    const auto bias = random_values(Number::float32, static_cast<std::size_t>(dim), 4, 1);
    for (const bool adds : {true, false}) {
      Tensor residual(number, start, stream);
      Tensor added(number, branch, stream);
      Tensor normalised(number, std::vector<float>(size), stream);
      Tensor scale(Number::float32, weight, stream);
      Tensor shift(Number::float32, bias, stream);
      add_layer_norm(
          stream, number,
          {residual.data(), adds ? added.data() : nullptr, normalised.data(), static_cast<const float*>(scale.data()),
           static_cast<const float*>(shift.data()), 1e-5F, rows, dim});
      const auto sums = residual.read(stream);
      const auto found = normalised.read(stream);
      for (std::int64_t row = 0; row < rows; ++row) {
        double mean = 0;
        double variance = 0;
        const auto first = static_cast<std::size_t>(row * dim);
        for (std::size_t i = first; i < first + static_cast<std::size_t>(dim); ++i) {
          ASSERT_EQ(sums[i], adds ? rounded(number, start[i] + branch[i]) : start[i]) << dim;
          mean += static_cast<double>(sums[i]) / dim;
        }
        for (std::size_t i = first; i < first + static_cast<std::size_t>(dim); ++i) {
          variance += std::pow(static_cast<double>(sums[i]) - mean, 2) / dim;
        }
        for (std::size_t d = 0; d < static_cast<std::size_t>(dim); ++d) {
          const double exact = (static_cast<double>(sums[first + d]) - mean) / std::sqrt(variance + 1e-5) *
                                   static_cast<double>(weight[d]) +
                               static_cast<double>(bias[d]);
          ASSERT_NEAR(found[first + d], exact, (std::abs(exact) + 1) * (rounding(number) + 1e-6)) << dim << " " << d;
        }
      }
    }
  }
}

TEST(GpuLayers, WidthsThatDoNotFitAreRefused) {
  DATUS_REQUIRE_GPU();
  const cuda::Stream stream;
  const AddNorm work{nullptr, nullptr, nullptr, nullptr, nullptr, 1e-6F, 1, 20};
  EXPECT_THROW(add_layer_norm(stream, Number::float32, work), UsageError);
}

TEST_P(EachNumber, GeluIsTheExactForm) {
  DATUS_REQUIRE_GPU();
  const Number number = GetParam();
  const cuda::Stream stream;
  const auto values = all_of(number);
  Tensor tensor(number, values, stream);
  gelu(stream, number, tensor.data(), static_cast<std::int64_t>(values.size()));
  auto found = tensor.read(stream);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto x = static_cast<double>(values[i]);
    if (std::isnan(x) || x == -std::numeric_limits<double>::infinity()) {
      ASSERT_TRUE(std::isnan(found[i])) << x;
      found[i] = 0.0F;
      continue;
    }
    const double exact = 0.5 * x * std::erfc(-x / std::sqrt(2.0));
    if (std::isinf(x)) {
      ASSERT_EQ(found[i], values[i]);
      continue;
    }
    const double rounded_once = std::abs(exact) * rounding(number) + smallest(number);
    ASSERT_NEAR(found[i], exact, rounded_once + 1.5e-7) << x;
    if (x > -5) {
      ASSERT_NEAR(found[i], exact, rounded_once + std::abs(exact) * 1e-4) << x;
    }
  }
  // No card, and no emulation of one, may have other bits.
  const std::uint64_t expected = number == Number::float32    ? 13564708426491365278U
                                 : number == Number::bfloat16 ? 5219048107873852358U
                                                              : 16061817776379084926U;
  EXPECT_EQ(hash_64(std::as_bytes(std::span(found)), 0), expected);
}

void expect_turned(Number number, int half_width) {
  const cuda::Stream stream;
  const int batch = 2;
  const int tokens = 9;
  const int patches = 6;
  const int heads = 3;
  const int dim = heads * 2 * half_width;
  const auto before = random_values(number, static_cast<std::size_t>(batch * tokens * 3 * dim), 6);
  std::vector<float> cosine;
  std::vector<float> sine;
  for (int i = 0; i < patches * half_width; ++i) {
    cosine.push_back(std::cos(0.1F * static_cast<float>(i)));
    sine.push_back(std::sin(0.1F * static_cast<float>(i)));
  }
  for (const bool queries : {true, false}) {
    Tensor qkv(number, before, stream);
    Tensor cosines(Number::float32, cosine, stream);
    Tensor sines(Number::float32, sine, stream);
    rotate(stream, number,
           {qkv.data(), static_cast<const float*>(cosines.data()), static_cast<const float*>(sines.data()), batch,
            tokens, patches, dim, half_width, queries});
    const auto after = qkv.read(stream);
    for (int token = 0; token < batch * tokens; ++token) {
      const int patch = token % tokens - (tokens - patches);
      for (int d = 0; d < 3 * dim; ++d) {
        const auto at = static_cast<std::size_t>(token * 3 * dim + d);
        const int part = d / dim;
        const bool turns = patch >= 0 && (part == 1 || (part == 0 && queries));
        if (!turns) {
          ASSERT_EQ(after[at], before[at]);
          continue;
        }
        const int in_head = d % (2 * half_width);
        const auto angle = static_cast<std::size_t>(patch * half_width + in_head % half_width);
        const auto partner = in_head < half_width ? at + half_width : at - half_width;
        const float sign = in_head < half_width ? -1.0F : 1.0F;
        const float exact = before[at] * cosine[angle] + sign * before[partner] * sine[angle];
        ASSERT_NEAR(after[at], exact, (std::abs(exact) + 1) * (rounding(number) + 1e-6));
      }
    }
  }
}

TEST_P(EachNumber, PatchesTurnByTheirAngles) {
  DATUS_REQUIRE_GPU();
  // Pair by pair, and in packs: one or several of a head.
  for (const int half_width : {4, 8, 24}) {
    SCOPED_TRACE(half_width);
    expect_turned(GetParam(), half_width);
  }
}

TEST_P(EachNumber, PatchesAreTheNormalisedImage) {
  DATUS_REQUIRE_GPU();
  const Number number = GetParam();
  const cuda::Stream stream;
  const std::array<float, 3> mean{0.485F, 0.456F, 0.406F};
  const std::array<float, 3> deviation{0.229F, 0.224F, 0.225F};
  std::vector<float> scaled;
  for (std::size_t c = 0; c < 3; ++c) {
    for (int v = 0; v < 256; ++v) scaled.push_back((static_cast<float>(v) / 255.0F - mean[c]) / deviation[c]);
  }
  const int height = 19;
  const int width = 27;
  const int patch = 4;
  std::mt19937 generator(7);
  std::vector<Image> images;
  std::vector<std::uint8_t> bytes;
  for (int i = 0; i < 3; ++i) {
    Image image(height, width);
    for (auto& pixel : image.pixels) pixel = static_cast<std::uint8_t>(generator());
    bytes.insert(bytes.end(), image.pixels.begin(), image.pixels.end());
    images.push_back(std::move(image));
  }
  cuda::DeviceArray<std::uint8_t> pixels(bytes.size());
  cuda::copy(pixels.data(), bytes.data(), bytes.size(), stream);
  Tensor table(Number::float32, scaled, stream);
  const int rows = height / patch;
  const int cols = width / patch;
  const std::size_t line = 3 * patch * patch;
  for (const bool bgr : {false, true}) {
    Tensor out(number, std::vector<float>(images.size() * static_cast<std::size_t>(rows * cols) * line), stream);
    take_patches(stream, number,
                 {pixels.data(), static_cast<const float*>(table.data()), out.data(), 3, height, width, patch, bgr});
    const auto found = out.read(stream);
    std::size_t at = 0;
    for (const Image& image : images) {
      std::vector<float> planes(image.pixels.size());
      normalise(image, mean, deviation, bgr, planes);
      for (int p = 0; p < rows * cols; ++p) {
        for (int channel = 0; channel < 3; ++channel) {
          for (int y = 0; y < patch; ++y) {
            for (int x = 0; x < patch; ++x, ++at) {
              const int row = p / cols * patch + y;
              const int col = p % cols * patch + x;
              const auto from = static_cast<std::size_t>((channel * height + row) * width + col);
              ASSERT_EQ(found[at], rounded(number, planes[from]));
            }
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace datus::gpu_layers
