// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/cuda/stream.hpp"

#include <cstdint>

// What a Vision Transformer does between its matrix products, each as one pass over memory. All functions put their
// work into a stream and return; pointers are of the device. Results depend on the arguments only, bit for bit.

namespace datus::gpu_layers {

/// The type of a model's activations in memory. Arithmetic is done in float32 and rounded once.
enum class Number { float32, bfloat16, float16 };

/// For each of `rows` rows of `dim` values: stream += branch (left out when `branch` is null), and normalised =
/// LayerNorm(stream), of the sum as it is stored. weight and bias are float32 [dim]; all addresses are multiples of 16.
/// `dim` is a multiple of 8, at most `largest_dim`.
struct AddNorm {
  void* stream;
  const void* branch;
  void* normalised;
  const float* weight;
  const float* bias;
  float epsilon;
  std::int64_t rows;
  int dim;
};
inline constexpr int largest_dim = 4096;
void add_layer_norm(const cuda::Stream& stream, Number number, const AddNorm& work);

/// values = GELU(values), x Φ(x), in place; `count` is a multiple of 8, the address one of 16. Before it is rounded
/// once, the result is within 1.5e-7 of the exact one, and above -5 within 1e-4 of its size.
void gelu(const cuda::Stream& stream, Number number, void* values, std::int64_t count);

/// Turns queries and keys of the patches in place, as `RotaryPositions::rotate` does: `qkv` [batch, tokens, 3 dim] with
/// the patches last, cosine and sine float32 [patches, half], half being half of a head's width; all addresses are
/// multiples of 16. Throws `SystemError` for a batch of 2^31 packs of 8 pairs or more.
struct Rotation {
  void* qkv;
  const float* cosine;
  const float* sine;
  int batch;
  int tokens;
  int patches;
  int dim;
  int half;
  /// Which parts of a row: queries and keys, or keys alone.
  bool queries;
};
void rotate(const cuda::Stream& stream, Number number, const Rotation& work);

/// What enters the patch embedding: [batch, rows * cols, 3 patch patch] in the order channel, row, column, from images
/// uint8 [batch, height, width, 3]. `scaled` float32 [3, 256] holds the value that each byte of a channel becomes; with
/// `bgr`, plane 0 takes the blue bytes. What is left of a side that is no multiple of the patch is cut off.
struct Patches {
  const std::uint8_t* images;
  const float* scaled;
  void* patches;
  int batch;
  int height;
  int width;
  int patch;
  bool bgr;
};
void take_patches(const cuda::Stream& stream, Number number, const Patches& work);

}  // namespace datus::gpu_layers
