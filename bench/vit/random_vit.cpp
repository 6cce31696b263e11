// SPDX-License-Identifier: Apache-2.0
#include "vit/random_vit.hpp"

#include "unit/model/weight_builders.hpp"

#include <cmath>
#include <cstddef>
#include <random>
#include <string>

namespace datus::bench {
namespace {

/// Adds tensors by name; values are uniform, which is quick to draw.
class RandomTensors {
 public:
  void add(const std::string& name, std::vector<std::int64_t> shape, float middle, float spread) {
    std::size_t count = 1;
    for (const std::int64_t size : shape) count *= static_cast<std::size_t>(size);
    std::vector<float> values(count);
    for (float& value : values) {
      value = middle + spread * (static_cast<float>(generator_() >> 8U) * 0x1p-23F - 1.0F);
    }
    tensors_[name] = {std::move(shape), std::move(values)};
  }
  void add_norm(const std::string& name, std::int64_t size) {
    add(name + ".weight", {size}, 1.0F, 0.1F);
    add(name + ".bias", {size}, 0.0F, 0.1F);
  }
  /// Products of normalised values have about unit variance.
  void add_linear(const std::string& name, std::vector<std::int64_t> shape) {
    const std::int64_t out = shape[0];
    std::int64_t in = 1;
    for (std::size_t i = 1; i < shape.size(); ++i) in *= shape[i];
    add(name + ".weight", std::move(shape), 0.0F, std::sqrt(3.0F / static_cast<float>(in)));
    add(name + ".bias", {out}, 0.0F, 0.1F);
  }
  [[nodiscard]] const test::PlainTensors& all() const { return tensors_; }

 private:
  std::mt19937 generator_{1};
  test::PlainTensors tensors_;
};

test::PlainTensors make_tensors(const ViTShape& shape) {
  RandomTensors tensors;
  const std::int64_t dim = shape.dim;
  tensors.add("cls_token", {1, 1, dim}, 0.0F, 1.0F);
  tensors.add("pos_embed", {1, shape.tokens(), dim}, 0.0F, 1.0F);
  tensors.add_linear("patch_embed.proj", {dim, 3, shape.patch, shape.patch});
  for (int b = 0; b < shape.depth; ++b) {
    const std::string block = "blocks." + std::to_string(b) + ".";
    tensors.add_norm(block + "norm1", dim);
    tensors.add_linear(block + "attn.qkv", {3 * dim, dim});
    tensors.add_linear(block + "attn.proj", {dim, dim});
    tensors.add_norm(block + "norm2", dim);
    tensors.add_linear(block + "mlp.fc1", {shape.hidden(), dim});
    tensors.add_linear(block + "mlp.fc2", {dim, shape.hidden()});
  }
  tensors.add_norm("norm", dim);
  return tensors.all();
}

}  // namespace

VisionTransformer make_random_vit(const ViTShape& shape, int threads) {
  const test::TemporaryFile file(test::safetensors_bytes(make_tensors(shape)));
  ViTOptions options;
  options.heads = shape.heads;
  options.threads = threads;
  return VisionTransformer::load(file.path(), options);
}

}  // namespace datus::bench
