// SPDX-License-Identifier: Apache-2.0
#include "extract_line/stand_in_transformer.hpp"

#include "datus/core/error.hpp"
#include "datus/core/ready_future.hpp"
#include "extract_line/processor_time.hpp"
#include "model/vit/transformer.hpp"

#include <algorithm>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <utility>

namespace datus {
namespace {

constexpr std::size_t different_images = 16;

/// What the stand-in is to be; set before it is loaded.
bench::LineShape& shape() {
  static bench::LineShape of_program;
  return of_program;
}

bench::CopyTimes& times() {
  static bench::CopyTimes of_program;
  return of_program;
}

/// A dozen regions around random centres, of random directions, each patch with noise of the same size.
std::vector<half> keys_of_regions(unsigned seed) {
  const GridSize grid = shape().grid();
  const auto dim = static_cast<std::size_t>(shape().dim);
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal;
  struct Region {
    float row, col;
    std::vector<float> key;
  };
  std::vector<Region> regions(12);
  std::uniform_real_distribution<float> row(0, static_cast<float>(grid.rows));
  std::uniform_real_distribution<float> col(0, static_cast<float>(grid.cols));
  for (Region& region : regions) {
    region = {row(generator), col(generator), std::vector<float>(dim)};
    for (float& value : region.key) value = normal(generator);
  }
  std::vector<half> keys;
  for (int patch = 0; patch < grid.patches(); ++patch) {
    const auto distance = [&](const Region& region) {
      const float rows = region.row - static_cast<float>(patch / grid.cols);
      const float cols = region.col - static_cast<float>(patch % grid.cols);
      return rows * rows + cols * cols;
    };
    const Region& nearest = *std::ranges::min_element(regions, {}, distance);
    for (const float value : nearest.key) keys.push_back(to_half(value + normal(generator)));
  }
  return keys;
}

class StandIn final : public Transformer {
 public:
  StandIn() {
    architecture_.family = "stand-in";
    architecture_.patch = shape().patch;
    architecture_.dim = shape().dim;
    architecture_.depth = 12;
    architecture_.heads = shape().dim / 64;
    architecture_.native_grid = shape().grid().rows;
    architecture_.image_vector_dim = shape().dim;
    preprocessing_.mean.fill(0.5F);
    preprocessing_.standard_deviation.fill(0.25F);
  }

  [[nodiscard]] const ViTArchitecture& architecture() const noexcept override { return architecture_; }
  [[nodiscard]] const Preprocessing& preprocessing() const noexcept override { return preprocessing_; }
  [[nodiscard]] Hash weights_hash() const noexcept override { return {}; }

  [[nodiscard]] std::future<Features> begin_forward(std::span<const Image* const> images,
                                                    const PixelScaling& /*scaling*/, const Request& /*request*/,
                                                    const Batching& batching) const override {
    const std::size_t values = shape().values();
    Features features{shape().grid(), {}, std::vector<float>(images.size() * static_cast<std::size_t>(shape().dim))};
    features.halves.reserve(images.size() * values);
    const auto size = static_cast<std::size_t>(batching.batch_size);
    for (std::size_t begin = 0; begin < images.size(); begin += size) {
      const std::size_t count = std::min(size, images.size() - begin);
      times().pixels += bench::processor_seconds([&] { take(images.subspan(begin, count)); });
      times().keys += bench::processor_seconds([&] {
        features.halves.resize((begin + count) * values);
        for (std::size_t i = begin; i < begin + count; ++i) {
          std::ranges::copy(bench::made_up_keys(i), features.halves.begin() + static_cast<std::ptrdiff_t>(i * values));
        }
      });
    }
    return ready_future(std::move(features));
  }

  [[nodiscard]] Features forward(std::span<const float> /*images*/, int /*batch*/, int /*height*/, int /*width*/,
                                 const Request& /*request*/) const override {
    refuse();
  }
  [[nodiscard]] std::future<std::vector<float>> begin_crop_vectors(const SegmentCrops& /*crops*/,
                                                                   const PixelScaling& /*scaling*/,
                                                                   const Batching& /*batching*/) const override {
    refuse();
  }
  [[nodiscard]] std::vector<float> segment_cls(std::span<const float> /*image*/, int /*height*/, int /*width*/,
                                               std::span<const std::int16_t> /*segment_map*/,
                                               int /*segments*/) const override {
    refuse();
  }
  [[nodiscard]] std::future<std::vector<float>> begin_segment_cls(std::span<const Image* const> /*images*/,
                                                                  const PixelScaling& /*scaling*/,
                                                                  std::span<const std::int16_t> /*segment_maps*/,
                                                                  std::span<const int> /*segments*/,
                                                                  const Batching& /*batching*/) const override {
    refuse();
  }

 private:
  [[noreturn]] static void refuse() {
    throw SystemError("A stand-in makes keys alone", "it is no model", "Ask it for nothing else.");
  }
  /// As to the pinned memory of a batch.
  void take(std::span<const Image* const> images) const {
    const std::size_t bytes = images.front()->pixels.size();
    if (batch_.size() < images.size() * bytes) batch_.resize(images.size() * bytes);
    for (std::size_t i = 0; i < images.size(); ++i) {
      std::memcpy(batch_.data() + i * bytes, images[i]->pixels.data(), bytes);
    }
  }

  ViTArchitecture architecture_;
  Preprocessing preprocessing_;
  mutable std::vector<std::uint8_t> batch_;
};

}  // namespace

const TransformerLibrary& transformer_library() {
  static const TransformerLibrary library{
      .load = [](const std::filesystem::path& /*path*/, const ViTOptions& /*options*/) -> std::unique_ptr<Transformer> {
        return std::make_unique<StandIn>();
      },
      .torch_backend = [] { return std::string("stand-in"); },
      .gpu_backend = [](int /*gpu*/, Precision /*precision*/) { return std::string("stand-in"); }};
  return library;
}

}  // namespace datus

namespace datus::bench {

void use_stand_in(const LineShape& wanted) {
  shape() = wanted;
  (void)made_up_keys(0);
}

const std::vector<half>& made_up_keys(std::size_t image) {
  static const std::vector<std::vector<half>> all = [] {
    std::vector<std::vector<half>> made;
    for (unsigned seed = 0; seed < different_images; ++seed) made.push_back(keys_of_regions(seed));
    return made;
  }();
  return all[image % all.size()];
}

CopyTimes copy_times() {
  return times();
}

}  // namespace datus::bench
