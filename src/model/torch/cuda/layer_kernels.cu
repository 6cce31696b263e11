// SPDX-License-Identifier: Apache-2.0
#include "datus/core/cuda/launch.hpp"
#include "datus/core/error.hpp"
#include "datus/core/types.hpp"
#include "model/torch/cuda/layer_kernels.hpp"
#include "model/torch/cuda/numbers.cuh"

#include <string>

namespace datus::gpu_layers {
namespace {

constexpr int warp_size = 32;
constexpr unsigned all_lanes = 0xFFFFFFFFU;
constexpr int warps_per_block = 4;

/// The same sum in all lanes, added up in a fixed order.
__device__ __forceinline__ float warp_sum(float value) {
  for (int lanes = warp_size / 2; lanes > 0; lanes /= 2) value += __shfl_xor_sync(all_lanes, value, lanes);
  return value;
}

/// float32 numbers that no kernel writes, from an address that is a multiple of 16.
__device__ __forceinline__ void load(const float* from, float (&to)[pack]) {
#pragma unroll
  for (int i = 0; i < pack; i += 4) {
    const float4 four = __ldg(reinterpret_cast<const float4*>(from + i));
    to[i] = four.x;
    to[i + 1] = four.y;
    to[i + 2] = four.z;
    to[i + 3] = four.w;
  }
}

/// One warp per row. A lane holds up to `chunks` packs of the row in registers, so that memory is read once.
template <class T, int chunks>
__global__ void __launch_bounds__(warps_per_block* warp_size) add_layer_norm_kernel(AddNorm work) {
  const int lane = static_cast<int>(threadIdx.x) % warp_size;
  const std::int64_t row = std::int64_t{blockIdx.x} * warps_per_block + threadIdx.x / warp_size;
  if (row >= work.rows) return;
  auto* const stream = static_cast<Pack<T>*>(work.stream) + row * (work.dim / pack);
  const auto* const branch = static_cast<const Pack<T>*>(work.branch) + row * (work.dim / pack);
  auto* const out = static_cast<Pack<T>*>(work.normalised) + row * (work.dim / pack);
  const int packs = work.dim / pack;

  float values[chunks][pack];
  float sum = 0.0F;
#pragma unroll
  for (int c = 0; c < chunks; ++c) {
    const int place = c * warp_size + lane;
    if (place >= packs) continue;
    widen(stream[place], values[c]);
    if (work.branch != nullptr) {
      float added[pack];
      widen(branch[place], added);
#pragma unroll
      for (int i = 0; i < pack; ++i) values[c][i] += added[i];
      const Pack<T> stored = narrow_pack<T>(values[c]);
      stream[place] = stored;
      widen(stored, values[c]);
    }
#pragma unroll
    for (int i = 0; i < pack; ++i) sum += values[c][i];
  }
  const float mean = warp_sum(sum) / static_cast<float>(work.dim);
  float squares = 0.0F;
#pragma unroll
  for (int c = 0; c < chunks; ++c) {
    if (c * warp_size + lane >= packs) continue;
#pragma unroll
    for (int i = 0; i < pack; ++i) {
      const float difference = values[c][i] - mean;
      squares = __fmaf_rn(difference, difference, squares);
    }
  }
  const float variance = warp_sum(squares) / static_cast<float>(work.dim);
  const float scale = 1.0F / sqrtf(variance + work.epsilon);
#pragma unroll
  for (int c = 0; c < chunks; ++c) {
    const int place = c * warp_size + lane;
    if (place >= packs) continue;
    float weight[pack];
    float bias[pack];
    load(work.weight + std::int64_t{place} * pack, weight);
    load(work.bias + std::int64_t{place} * pack, bias);
#pragma unroll
    for (int i = 0; i < pack; ++i) {
      values[c][i] = __fmaf_rn((values[c][i] - mean) * scale, weight[i], bias[i]);
    }
    out[place] = narrow_pack<T>(values[c]);
  }
}

/// x Φ(x) is x where x > 0, otherwise 0, less |x| Φ(-|x|). The eighth root of Φ(-|x|) is near to a polynomial: a
/// minimax one, for which the error of |x| Φ(-|x|) is below 3e-8 and below 1e-4 of it up to the bound. Sums and
/// products alone: the exponential and the division of the CPU's form cost a card more, and its own would have bits of
/// their own.
__device__ __forceinline__ float gelu_of(float x) {
  constexpr float bound = 5.75F;
  const float a = fminf(fabsf(x), bound);
  float root = -3.0234815010131707e-07F;
  root = __fmaf_rn(root, a, 7.548838510502876e-06F);
  root = __fmaf_rn(root, a, -6.04837497471655e-05F);
  root = __fmaf_rn(root, a, 3.4315944654923816e-05F);
  root = __fmaf_rn(root, a, 0.001505719156763396F);
  root = __fmaf_rn(root, a, -0.0006749123789824022F);
  root = __fmaf_rn(root, a, -0.031925489793522395F);
  root = __fmaf_rn(root, a, -0.09145836874357466F);
  root = __fmaf_rn(root, a, 0.917004120189383F);
  const float second = root * root;
  const float fourth = second * second;
  // Both halves of x: fmaxf(x, 0) would make 0 of NaN.
  const float positive = __fmaf_rn(0.5F, fabsf(x), 0.5F * x);
  return __fmaf_rn(-a, fourth * fourth, positive);
}

template <class T>
__global__ void gelu_kernel(Pack<T>* values, std::int64_t packs) {
  const std::int64_t place = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (place >= packs) return;
  float here[pack];
  widen(values[place], here);
#pragma unroll
  for (int i = 0; i < pack; ++i) here[i] = gelu_of(here[i]);
  values[place] = narrow_pack<T>(here);
}

/// Where a thread's pairs of a head's values are: it turns `width` pairs side by side.
struct PairsAt {
  std::int64_t first;
  std::int64_t angle;
};

/// Divisions in 32 bits, of which a launch has enough: those in 64 cost more than all else.
template <int width>
__device__ __forceinline__ PairsAt pairs_at(const Rotation& work, unsigned index) {
  const auto half = static_cast<unsigned>(work.half);
  const auto patches = static_cast<unsigned>(work.patches);
  const unsigned in_half = half / width;
  // Heads of queries and keys follow each other.
  const unsigned heads = static_cast<unsigned>(work.dim) / (2 * half) * (work.queries ? 2 : 1);
  const unsigned unit = index / in_half;
  const unsigned i = index % in_half * width;
  const unsigned row = unit / heads;
  const unsigned head = unit % heads;
  const unsigned image = row / patches;
  const unsigned patch = row % patches;
  const std::int64_t token = std::int64_t{image} * work.tokens + work.tokens - work.patches + patch;
  const std::int64_t part = (token * 3 + (work.queries ? 0 : 1)) * work.dim;
  return {part + std::int64_t{head} * 2 * half + i, std::int64_t{patch} * half + i};
}

__device__ __forceinline__ void turn(float& a, float& b, float cosine, float sine) {
  const float turned = a * cosine - b * sine;
  b = b * cosine + a * sine;
  a = turned;
}

template <class T>
__global__ void rotate_kernel(Rotation work, unsigned items) {
  const unsigned index = blockIdx.x * blockDim.x + threadIdx.x;
  if (index >= items) return;
  const PairsAt at = pairs_at<pack>(work, index);
  auto* const first = reinterpret_cast<Pack<T>*>(static_cast<T*>(work.qkv) + at.first);
  Pack<T>* const second = first + work.half / pack;
  float a[pack];
  float b[pack];
  float cosine[pack];
  float sine[pack];
  widen(*first, a);
  widen(*second, b);
  load(work.cosine + at.angle, cosine);
  load(work.sine + at.angle, sine);
#pragma unroll
  for (int i = 0; i < pack; ++i) turn(a[i], b[i], cosine[i], sine[i]);
  *first = narrow_pack<T>(a);
  *second = narrow_pack<T>(b);
}

/// For heads whose halves are no multiple of a pack.
template <class T>
__global__ void rotate_pairs_kernel(Rotation work, unsigned items) {
  const unsigned index = blockIdx.x * blockDim.x + threadIdx.x;
  if (index >= items) return;
  const PairsAt at = pairs_at<1>(work, index);
  T* const first = static_cast<T*>(work.qkv) + at.first;
  T* const second = first + work.half;
  float a = widen(*first);
  float b = widen(*second);
  turn(a, b, __ldg(work.cosine + at.angle), __ldg(work.sine + at.angle));
  *first = narrow<T>(a);
  *second = narrow<T>(b);
}

/// One thread per row of pixels of one channel of one patch.
template <class T>
__global__ void take_patches_kernel(Patches work, std::int64_t lines) {
  std::int64_t index = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (index >= lines) return;
  const int p = work.patch;
  const int cols = work.width / p;
  const int rows = work.height / p;
  const std::int64_t line = index;
  const int y = static_cast<int>(index % p);
  index /= p;
  const int channel = static_cast<int>(index % 3);
  index /= 3;
  const int col = static_cast<int>(index % cols);
  index /= cols;
  const int row = static_cast<int>(index % rows);
  const std::int64_t image = index / rows;
  const int byte = work.bgr ? 2 - channel : channel;
  const std::uint8_t* from =
      work.images + ((image * work.height + row * p + y) * work.width + std::int64_t{col} * p) * 3 + byte;
  T* const to = static_cast<T*>(work.patches) + line * p;
  for (int x = 0; x < p; ++x) to[x] = narrow<T>(__ldg(work.scaled + channel * 256 + from[3 * x]));
}

/// Calls body with a value of the type of the numbers.
template <class Body>
void with_number(Number number, const Body& body) {
  switch (number) {
    case Number::float32:
      return body(float{});
    case Number::bfloat16:
      return body(Bfloat16{});
    case Number::float16:
      return body(Float16{});
  }
}

unsigned blocks_for(std::int64_t items, int per_block) {
  return static_cast<unsigned>((items + per_block - 1) / per_block);
}

template <class T>
void add_layer_norm_of(const cuda::Stream& stream, const AddNorm& work) {
  const cuda::LaunchShape shape{blocks_for(work.rows, warps_per_block), warps_per_block * warp_size};
  const char* const what = "to run LayerNorm";
  constexpr int values = warp_size * pack;
  if (work.dim <= 2 * values) {
    cuda::launch(stream, shape, what, add_layer_norm_kernel<T, 2>, work);
  } else if (work.dim <= 4 * values) {
    cuda::launch(stream, shape, what, add_layer_norm_kernel<T, 4>, work);
  } else if (work.dim <= 8 * values) {
    cuda::launch(stream, shape, what, add_layer_norm_kernel<T, 8>, work);
  } else {
    cuda::launch(stream, shape, what, add_layer_norm_kernel<T, 16>, work);
  }
}

constexpr int threads = 256;

}  // namespace

void add_layer_norm(const cuda::Stream& stream, Number number, const AddNorm& work) {
  if (work.dim % pack != 0 || work.dim > largest_dim) {
    throw UsageError("a model with tokens of " + std::to_string(work.dim) + " values cannot run on a GPU",
                     "the width must be a multiple of 8 and at most " + std::to_string(largest_dim),
                     "Set model.device: cpu.");
  }
  with_number(number, [&](auto type) { add_layer_norm_of<decltype(type)>(stream, work); });
}

void gelu(const cuda::Stream& stream, Number number, void* values, std::int64_t count) {
  with_number(number, [&](auto type) {
    using T = decltype(type);
    const std::int64_t packs = count / pack;
    cuda::launch(stream, {blocks_for(packs, threads), threads}, "to run GELU", gelu_kernel<T>,
                 static_cast<Pack<T>*>(values), packs);
  });
}

void rotate(const cuda::Stream& stream, Number number, const Rotation& work) {
  with_number(number, [&](auto type) {
    using T = decltype(type);
    const std::int64_t pairs = std::int64_t{work.batch} * work.patches * (work.queries ? 2 : 1) * (work.dim / 2);
    const bool in_packs = work.half % pack == 0;
    const std::int64_t items = in_packs ? pairs / pack : pairs;
    cuda::launch(stream, {blocks_for(items, threads), threads}, "to place queries and keys",
                 in_packs ? rotate_kernel<T> : rotate_pairs_kernel<T>, work,
                 static_cast<unsigned>(checked_cast<int>(items, "the number of queries and keys of a batch")));
  });
}

void take_patches(const cuda::Stream& stream, Number number, const Patches& work) {
  with_number(number, [&](auto type) {
    using T = decltype(type);
    const int p = work.patch;
    const std::int64_t lines = std::int64_t{work.batch} * (work.height / p) * (work.width / p) * 3 * p;
    cuda::launch(stream, {blocks_for(lines, threads), threads}, "to cut images into patches", take_patches_kernel<T>,
                 work, lines);
  });
}

}  // namespace datus::gpu_layers
