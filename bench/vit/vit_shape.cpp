// SPDX-License-Identifier: Apache-2.0
#include "vit/vit_shape.hpp"

#include "datus/core/error.hpp"

#include <array>
#include <charconv>
#include <string_view>

namespace datus::bench {
namespace {

struct Published {
  std::string_view name;
  int patch, dim, depth, heads;
};
constexpr std::array<Published, 4> published{
    {{"S/16", 16, 384, 12, 6}, {"S/8", 8, 384, 12, 6}, {"B/16", 16, 768, 12, 12}, {"B/8", 8, 768, 12, 12}}};

[[noreturn]] void throw_no_shape(const std::string& text) {
  throw UsageError("'" + text + "' is no model", "a model is S/16, S/8, B/16, B/8 or PATCHxDIMxDEPTHxHEADS",
                   "Write for example S/8, or 8x384x12x6.");
}

}  // namespace

ViTShape parse_shape(const std::string& text, int side) {
  for (const Published& model : published) {
    if (text == model.name) return {text, model.patch, model.dim, model.depth, model.heads, side};
  }
  std::array<int, 4> sizes{};
  const char* at = text.data();
  const char* const end = text.data() + text.size();
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    if (i > 0 && (at == end || *at++ != 'x')) throw_no_shape(text);
    const auto [stop, error] = std::from_chars(at, end, sizes[i]);
    if (error != std::errc() || sizes[i] < 1) throw_no_shape(text);
    at = stop;
  }
  const auto [patch, dim, depth, heads] = sizes;
  if (at != end || dim % heads != 0 || side < patch) throw_no_shape(text);
  return {text, patch, dim, depth, heads, side};
}

std::vector<Product> products_of(const ViTShape& shape) {
  const std::int64_t tokens = shape.tokens();
  const std::int64_t dim = shape.dim;
  const std::int64_t whole_blocks = shape.depth - 1;
  const std::int64_t heads = whole_blocks * shape.heads;
  return {{"patch embedding", shape.patches(), shape.patch_values(), dim, 1, true},
          {"qkv", tokens, dim, 3 * dim, whole_blocks, true},
          {"last block's keys", tokens, dim, dim, 1, true},
          {"Q Kt", tokens, shape.head_dim(), tokens, heads, true},
          {"P V", tokens, tokens, shape.head_dim(), heads, false},
          {"projection", tokens, dim, dim, whole_blocks, true},
          {"MLP in", tokens, dim, shape.hidden(), whole_blocks, true},
          {"MLP out", tokens, shape.hidden(), dim, whole_blocks, true}};
}

double flops_of(const ViTShape& shape) {
  double flops = 0;
  for (const Product& product : products_of(shape)) flops += product.flops();
  return flops;
}

}  // namespace datus::bench
