// SPDX-License-Identifier: Apache-2.0
#include "vit/part_times.hpp"

#include "datus/core/parallel.hpp"
#include "model/torch/activation.hpp"
#include "model/torch/attention.hpp"
#include "model/torch/single_thread.hpp"

#include <functional>

#include <ATen/core/Tensor.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/rand.h>
#include <c10/core/InferenceMode.h>

namespace datus::bench {
namespace {

/// What one thread works on, of the sizes of one block.
struct Workplace {
  explicit Workplace(const ViTShape& shape)
      : attention(shape.dim, shape.heads),
        pixels(at::rand({3, shape.side, shape.side})),
        tokens(at::rand({shape.tokens(), shape.dim})),
        qkv(at::rand({shape.tokens(), 3 * shape.dim})),
        hidden(at::rand({shape.tokens(), shape.hidden()})),
        patch_weight(at::rand({shape.dim, shape.patch_values()})),
        qkv_weight(at::rand({3 * shape.dim, shape.dim})),
        in_weight(at::rand({shape.hidden(), shape.dim})),
        out_weight(at::rand({shape.dim, shape.hidden()})),
        qkv_bias(at::rand({3 * shape.dim})),
        bias(at::rand({shape.dim})),
        hidden_bias(at::rand({shape.hidden()})) {}

  Attention attention;
  at::Tensor pixels, tokens, qkv, hidden;
  at::Tensor patch_weight, qkv_weight, in_weight, out_weight;
  at::Tensor qkv_bias, bias, hidden_bias;
};

/// A part: how often an image has it, and its work.
struct Part {
  std::string name;
  std::int64_t count;
  std::function<void(Workplace&)> work;
};

void embed_patches(const ViTShape& shape, Workplace& place) {
  const std::int64_t cells = shape.side / shape.patch;
  const std::int64_t p = shape.patch;
  const at::Tensor patches = place.pixels.reshape({3, cells, p, cells, p})
                                 .permute({1, 3, 0, 2, 4})
                                 .reshape({shape.patches(), shape.patch_values()});
  place.tokens.narrow(0, 1, shape.patches()).addmm_(patches, place.patch_weight.t(), 0);
}

std::vector<Part> parts_of(const ViTShape& shape) {
  const std::int64_t blocks = shape.depth - 1;
  const std::int64_t dim = shape.dim;
  return {
      {"patch embedding", 1, [=](Workplace& place) { embed_patches(shape, place); }},
      {"norms", 2 * blocks + 1,
       [=](Workplace& place) { (void)at::layer_norm(place.tokens, {dim}, place.bias, place.bias, 1e-6); }},
      {"qkv", blocks, [](Workplace& place) { (void)at::addmm(place.qkv_bias, place.tokens, place.qkv_weight.t()); }},
      {"last block's keys", 1,
       [=](Workplace& place) { (void)at::addmm(place.bias, place.tokens, place.qkv_weight.narrow(0, dim, dim).t()); }},
      {"attention", blocks,
       [=](Workplace& place) {
         (void)place.attention.attend(place.qkv.narrow(1, 0, dim), place.qkv.narrow(1, dim, dim),
                                      place.qkv.narrow(1, 2 * dim, dim));
       }},
      {"projection", blocks,
       [=](Workplace& place) {
         at::Tensor sum = place.tokens;
         sum.mul_(0.5).add_(place.bias).addmm_(place.qkv.narrow(1, 0, dim), place.qkv_weight.narrow(0, 0, dim).t());
       }},
      {"MLP in", blocks, [](Workplace& place) { (void)at::mm(place.tokens, place.in_weight.t()); }},
      {"GELU", blocks, [](Workplace& place) { add_bias_gelu(place.hidden, place.hidden_bias); }},
      {"MLP out", blocks,
       [](Workplace& place) {
         at::Tensor sum = place.tokens;
         sum.mul_(0.5).add_(place.bias).addmm_(place.hidden, place.out_weight.t());
       }},
  };
}

double flops_of_part(const ViTShape& shape, const std::string& part) {
  double flops = 0;
  for (const Product& product : products_of(shape)) {
    const bool is_attention = product.part == "Q Kt" || product.part == "P V";
    if (product.part == part || (is_attention && part == "attention")) flops += product.flops();
  }
  return flops;
}

}  // namespace

std::vector<PartTime> time_parts(const ViTShape& shape, int threads, int repeats) {
  use_calling_thread_only();
  const c10::InferenceMode inference;
  std::vector<Workplace> places;
  for (int thread = 0; thread < threads; ++thread) places.emplace_back(shape);
  std::vector<PartTime> times;
  for (const Part& part : parts_of(shape)) {
    Duration duration = duration_of([&] {
      parallel_for(threads, threads, [&](std::int64_t thread) {
        use_calling_thread_only();
        const c10::InferenceMode on_this_thread;
        for (std::int64_t i = 0; i < repeats * part.count; ++i) part.work(places[static_cast<std::size_t>(thread)]);
      });
    });
    duration.wall /= repeats;
    duration.processor /= repeats;
    times.push_back({part.name, duration, flops_of_part(shape, part.name)});
  }
  return times;
}

}  // namespace datus::bench
