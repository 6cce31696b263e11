// SPDX-License-Identifier: Apache-2.0
#include "model/torch/cuda/batched_transformer.hpp"

#include <cmath>
#include <limits>

#include <ATen/ops/add.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/clamp.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/where.h>

namespace datus {
namespace {

at::Tensor apply(const at::Tensor& x, const Linear& layer) {
  return at::linear(x, layer.weight, layer.bias);
}

/// [B, T, 3 D] as queries, keys and values, [3, B, heads, T, head width].
at::Tensor in_heads(const at::Tensor& qkv, std::int64_t heads) {
  return qkv.view({qkv.size(0), qkv.size(1), 3, heads, -1}).permute({2, 0, 3, 1, 4});
}

}  // namespace

BatchedTransformer::BatchedTransformer(const ViTArchitecture& architecture, const ViTWeights& weights,
                                       TokenBase& token_base, c10::Device device, at::ScalarType number,
                                       const cuda::Stream* stream)
    : architecture_(architecture),
      token_base_(token_base),
      device_(device),
      number_(number),
      embedding_number_(number == at::kFloat ? at::kFloat : at::kHalf),
      fused_(stream),
      patch_embedding_(moved(weights.patch_embedding, number)),
      final_norm_(moved(weights.final_norm)) {
  for (const TransformerBlock& block : weights.blocks) {
    const TransformerBlock::Layers& layers = block.layers();
    blocks_.push_back({moved(layers.norm1), moved(layers.qkv, number), moved(layers.projection, number),
                       moved(layers.norm2), moved(layers.mlp_in, number), moved(layers.mlp_out, number)});
    if (embedding_number_ != number_) embedding_projections_.push_back(moved(layers.qkv, embedding_number_));
  }
  if (weights.image_head) {
    image_head_ = ImageHead{moved(weights.image_head->first, number), moved(weights.image_head->second, number)};
  }
}

at::Tensor BatchedTransformer::moved(const at::Tensor& tensor, at::ScalarType type) const {
  return tensor.to(type).to(device_).contiguous();
}

Linear BatchedTransformer::moved(const Linear& layer, at::ScalarType type) const {
  return {moved(layer.weight, type), moved(layer.bias, type)};
}

DeviceNorm BatchedTransformer::moved(const Norm& norm) const {
  return {moved(norm.weight, at::kFloat), moved(norm.bias, at::kFloat), norm.eps};
}

const BatchedTransformer::Grid& BatchedTransformer::grid_of(GridSize grid, bool square) {
  const std::pair key(square ? -grid.rows : grid.rows, grid.cols);
  if (const auto found = grids_.find(key); found != grids_.end()) return found->second;
  const TokenBase::Grid base = token_base_.get(grid, square);
  Grid made{moved(base.tokens, number_), std::nullopt};
  if (base.rotary != nullptr) {
    const auto table = [&](std::span<const float> values) {
      const auto half = static_cast<std::int64_t>(values.size()) / grid.patches();
      // LibTorch has no view of constant data; nothing writes to this one.
      const at::Tensor view = at::from_blob(const_cast<float*>(values.data()), {grid.patches(), half}, at::kFloat);
      return view.clone().to(device_);
    };
    made.rotation = DeviceRotation{table(base.rotary->cosine()), table(base.rotary->sine())};
  }
  return grids_.emplace(key, std::move(made)).first->second;
}

BatchedTransformer::Stream BatchedTransformer::embed(const at::Tensor& patches, GridSize grid, bool square) {
  const Grid& base = grid_of(grid, square);
  const std::int64_t leading = architecture_.leading_tokens();
  const std::int64_t count = base.tokens.size(0);
  at::Tensor tokens = at::empty({patches.size(0), count, architecture_.dim}, base.tokens.options());
  tokens.narrow(1, 0, leading).copy_(base.tokens.narrow(0, 0, leading));
  // The bias is part of the base.
  const at::Tensor embedded = at::matmul(patches, patch_embedding_.weight.t());
  at::Tensor rows = tokens.narrow(1, leading, count - leading);
  at::add_out(rows, embedded, base.tokens.narrow(0, leading, count - leading));
  return {tokens, fused_.add_norm(tokens, {}, norm_before(0)), &base};
}

const DeviceNorm& BatchedTransformer::norm_before(std::size_t block) const {
  return block < blocks_.size() ? blocks_[block].norm1 : final_norm_;
}

at::Tensor BatchedTransformer::attend(const Stream& stream, const Block& block) const {
  const at::Tensor qkv = apply(stream.normalised, block.qkv);
  if (stream.grid->rotation) fused_.rotate(qkv, *stream.grid->rotation, true);
  const at::Tensor heads = in_heads(qkv, architecture_.heads);
  const at::Tensor attention = at::scaled_dot_product_attention(heads[0], heads[1], heads[2]);
  return apply(attention.transpose(1, 2).reshape(stream.tokens.sizes()), block.projection);
}

at::Tensor BatchedTransformer::mlp(const at::Tensor& normalised, const Block& block) const {
  at::Tensor hidden = apply(normalised, block.mlp_in);
  switch (architecture_.activation) {
    case Activation::gelu:
      fused_.gelu(hidden);
      break;
    case Activation::relu6:
      at::clamp_(hidden, 0, 6);
      break;
    case Activation::swiglu: {
      const std::int64_t width = hidden.size(-1) / 2;
      hidden = at::silu(hidden.narrow(-1, 0, width)).mul_(hidden.narrow(-1, width, width));
      break;
    }
  }
  return apply(hidden, block.mlp_out);
}

void BatchedTransformer::run_blocks(Stream& stream, std::size_t first, std::size_t last, const DeviceNorm& next) {
  for (std::size_t b = first; b < last; ++b) {
    const Block& block = blocks_[b];
    stream.normalised = fused_.add_norm(stream.tokens, attend(stream, block), block.norm2);
    const DeviceNorm& following = b + 1 == last ? next : blocks_[b + 1].norm1;
    stream.normalised = fused_.add_norm(stream.tokens, mlp(stream.normalised, block), following);
  }
}

at::Tensor BatchedTransformer::embeddings_at(const Stream& stream, std::size_t layer, PatchFeature feature) const {
  const std::int64_t dim = architecture_.dim;
  const Linear& all = embedding_projections_.empty() ? blocks_[layer].qkv : embedding_projections_[layer];
  const std::int64_t first = feature == PatchFeature::query ? 0 : feature == PatchFeature::key ? dim : 2 * dim;
  const Linear part{all.weight.narrow(0, first, dim), all.bias.narrow(0, first, dim)};
  const at::Tensor patches = stream.patches(stream.normalised, architecture_.leading_tokens());
  return apply(patches.to(embedding_number_), part);
}

at::Tensor BatchedTransformer::projections_for_cls(const Stream& stream, std::size_t layer) const {
  const at::Tensor qkv = apply(stream.normalised, blocks_[layer].qkv);
  if (stream.grid->rotation) fused_.rotate(qkv, *stream.grid->rotation, false);
  return qkv;
}

at::Tensor BatchedTransformer::finish_cls(const at::Tensor& cls, const at::Tensor& attention,
                                          const Block& block) const {
  at::Tensor tokens = cls.clone();
  const at::Tensor normalised = fused_.add_norm(tokens, apply(attention, block.projection), block.norm2);
  return fused_.add_norm(tokens, mlp(normalised, block), final_norm_).to(at::kFloat);
}

at::Tensor BatchedTransformer::cls_at(const Stream& stream, std::size_t layer) const {
  const at::Tensor heads = in_heads(projections_for_cls(stream, layer), architecture_.heads);
  // The CLS token has no position of its own: its query is not turned.
  const at::Tensor attention = at::scaled_dot_product_attention(heads[0].narrow(2, 0, 1), heads[1], heads[2]);
  const at::Tensor cls = stream.tokens.select(1, 0);
  return finish_cls(cls, attention.transpose(1, 2).reshape(cls.sizes()), blocks_[layer]);
}

at::Tensor BatchedTransformer::image_vector(const at::Tensor& normalised_patches) const {
  return apply(apply(normalised_patches.flatten(1), image_head_->first), image_head_->second).to(at::kFloat);
}

BatchedTransformer::Result BatchedTransformer::read(const at::Tensor& patches, GridSize grid, bool square,
                                                    const Readout& readout) {
  Stream stream = embed(patches, grid, square);
  run_blocks(stream, 0, readout.layer, norm_before(readout.layer));
  const bool is_token = readout.embeddings && readout.feature == PatchFeature::token;
  const bool needs_all = is_token || (readout.cls && !architecture_.has_cls);
  const std::int64_t leading = architecture_.leading_tokens();
  Result result;
  if (readout.embeddings && !is_token) result.embeddings = embeddings_at(stream, readout.layer, readout.feature);
  if (!needs_all) {
    if (readout.cls) result.cls = cls_at(stream, readout.layer);
    return result;
  }
  run_blocks(stream, readout.layer, readout.layer + 1, final_norm_);
  const at::Tensor last = stream.patches(stream.normalised, leading);
  if (is_token) result.embeddings = last.to(embedding_number_).contiguous();
  if (readout.cls) {
    result.cls =
        architecture_.has_cls ? stream.normalised.select(1, 0).to(at::kFloat).contiguous() : image_vector(last);
  }
  return result;
}

std::vector<at::Tensor> BatchedTransformer::segment_cls(const at::Tensor& patches, GridSize grid, bool square,
                                                        const at::Tensor& maps, std::span<const int> segments) {
  Stream stream = embed(patches, grid, square);
  const std::size_t last = blocks_.size() - 1;
  run_blocks(stream, 0, last, norm_before(last));
  const at::Tensor heads = in_heads(projections_for_cls(stream, last), architecture_.heads).to(at::kFloat);
  const std::int64_t leading = architecture_.leading_tokens();
  const double scale = 1.0 / std::sqrt(static_cast<double>(heads.size(-1)));
  std::vector<at::Tensor> results;
  for (std::int64_t i = 0; i < patches.size(0); ++i) {
    const int count = segments[static_cast<std::size_t>(i)];
    const at::Tensor query = heads[0][i].narrow(1, 0, 1);
    const at::Tensor keys = heads[1][i].narrow(1, leading, grid.patches());
    const at::Tensor values = heads[2][i].narrow(1, leading, grid.patches());
    const at::Tensor scores = at::matmul(query, keys.transpose(1, 2)).mul_(scale);  // [heads, 1, P]
    const at::Tensor numbers = at::arange(count, maps.options()).view({1, count, 1});
    const at::Tensor is_inside = maps[i].view({1, 1, -1}).eq(numbers);  // [1, segments, P]
    const at::Tensor masked = at::where(is_inside, scores, -std::numeric_limits<float>::infinity());
    const at::Tensor means = at::matmul(at::softmax(masked, -1), values);  // [heads, segments, head width]
    const at::Tensor attention = means.transpose(0, 1).reshape({count, architecture_.dim}).to(number_);
    const at::Tensor cls = stream.tokens[i].narrow(0, 0, 1).expand({count, architecture_.dim}).contiguous();
    results.push_back(finish_cls(cls, attention, blocks_[last]));
  }
  return results;
}

}  // namespace datus
