// SPDX-License-Identifier: Apache-2.0
// Keys -> edges on a GPU. The kernels are timed against cuBLAS computing the same K K^T in f32, all of it, without
// edges: in turns, by the clock of the GPU, over more images than its cache holds. Then the whole way from keys in
// memory to graphs in memory. Exit code 77 where there is no card.

#include "algo/affinity/cuda/affinity_graphs.hpp"
#include "cuda/requests.hpp"
#include "cuda/timing.hpp"
#include "datus/algo/gpu_affinity.hpp"
#include "datus/core/cuda/memory.hpp"
#include "datus/core/error.hpp"
#include "datus/core/half.hpp"
#include "datus/core/parallel.hpp"
#include "program.hpp"

#include <chrono>
#include <cstdio>
#include <random>
#include <span>
#include <string>
#include <vector>

#include <cublas_v2.h>

namespace datus::bench {
namespace {

struct Case {
  int nodes;
  int dim;
  int images;
  const char* model;
};

constexpr Case cases[] = {{196, 384, 128, "S/16 at 224"},
                          {256, 1024, 64, "L/14 at 224"},
                          {784, 384, 64, "S/8 at 224"},
                          {784, 768, 64, "B/8 at 224"},
                          {3600, 384, 8, "S/8 at 480"}};

void check_cublas(cublasStatus_t status, const char* what) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  throw SystemError(std::string("cuBLAS refused ") + what, cublasGetStatusString(status), "Run it again.");
}

/// cuBLAS in plain f32, as work of a stream.
class Blas {
 public:
  explicit Blas(const cuda::Stream& stream) {
    check_cublas(cublasCreate(&handle_), "a handle");
    check_cublas(cublasSetStream(handle_, stream.get()), "a stream");
    check_cublas(cublasSetMathMode(handle_, CUBLAS_PEDANTIC_MATH), "plain f32");
  }
  ~Blas() { cublasDestroy(handle_); }
  Blas(const Blas&) = delete;
  Blas& operator=(const Blas&) = delete;
  Blas(Blas&&) = delete;
  Blas& operator=(Blas&&) = delete;

  /// product [images, nodes, nodes] = K K^T of keys [images, nodes, dim].
  void multiply(const Case& size, const float* keys, float* product) const {
    const float one = 1.0F;
    const float zero = 0.0F;
    const auto key_stride = static_cast<long long>(size.nodes) * size.dim;
    const auto product_stride = static_cast<long long>(size.nodes) * size.nodes;
    // Column by column, as cuBLAS counts, a matrix of keys is its transpose.
    check_cublas(cublasSgemmStridedBatched(handle_, CUBLAS_OP_T, CUBLAS_OP_N, size.nodes, size.nodes, size.dim, &one,
                                           keys, size.dim, key_stride, keys, size.dim, key_stride, &zero, product,
                                           size.nodes, product_stride, size.images),
                 "a product");
  }

 private:
  cublasHandle_t handle_ = nullptr;
};

/// Values of f16, as files of keys have them.
std::vector<half> random_keys(const Case& size) {
  std::mt19937 generator(1);
  std::normal_distribution<float> normal;
  std::vector<half> keys(static_cast<std::size_t>(size.images) * static_cast<std::size_t>(size.nodes) *
                         static_cast<std::size_t>(size.dim));
  for (half& value : keys) value = to_half(normal(generator));
  return keys;
}

/// The images of a case on the GPU: for the kernels, and for cuBLAS.
class Inputs {
 public:
  Inputs(const Case& size, std::span<const half> keys, const cuda::Stream& stream)
      : shape_{.nodes = size.nodes,
               .dim = size.dim,
               .words_per_row = static_cast<int>(BitGraph(size.nodes).words_per_row())},
        images_(static_cast<std::size_t>(size.images)),
        raw_(keys.size() * sizeof(float)),
        halves_(images_),
        kept_(images_ * static_cast<std::size_t>(shape_.words_per_row)),
        packed_(images_ * shape_.packed_values()),
        bits_(images_ * shape_.graph_words()),
        floats_(keys.size()),
        product_(images_ * static_cast<std::size_t>(size.nodes) * static_cast<std::size_t>(size.nodes)) {
    std::vector<float> widened(keys.size());
    to_float(keys, widened);
    cuda::copy(floats_.data(), widened.data(), widened.size(), stream);
    const std::size_t values = shape_.key_values();
    for (std::size_t image = 0; image < images_; ++image) {
      cuda::copy(raw_.data() + image * values * sizeof(float),
                 reinterpret_cast<const std::byte*>(keys.data() + image * values), values * sizeof(half), stream);
    }
    const std::vector<std::uint8_t> halves(images_, 1);
    cuda::copy(halves_.data(), halves.data(), halves.size(), stream);
    std::vector<std::uint64_t> kept(kept_.size());
    for (std::size_t word = 0; word < kept.size(); ++word) {
      const auto first = static_cast<int>(word % static_cast<std::size_t>(shape_.words_per_row)) * 64;
      for (int bit = 0; bit < 64 && first + bit < size.nodes; ++bit) kept[word] |= std::uint64_t{1} << bit;
    }
    cuda::copy(kept_.data(), kept.data(), kept.size(), stream);
    stream.wait();
  }

  void make_graphs(const cuda::Stream& stream) {
    affinity::make_graphs(shape_, {},
                          {.images = static_cast<int>(images_),
                           .keys = raw_.data(),
                           .halves = halves_.data(),
                           .kept = kept_.data(),
                           .common_mean = nullptr,
                           .mean = nullptr,
                           .packed = packed_.data(),
                           .bits = bits_.data(),
                           .weights = nullptr,
                           .not_finite = nullptr},
                          stream);
  }
  void multiply(const Blas& blas, const Case& size) { blas.multiply(size, floats_.data(), product_.data()); }

 private:
  affinity::PanelShape shape_;
  std::size_t images_;
  cuda::DeviceArray<std::byte> raw_;
  cuda::DeviceArray<std::uint8_t> halves_;
  cuda::DeviceArray<std::uint64_t> kept_;
  cuda::DeviceArray<float> packed_;
  cuda::DeviceArray<std::uint64_t> bits_;
  cuda::DeviceArray<float> floats_;
  cuda::DeviceArray<float> product_;
};

/// Keys in memory to graphs in memory, `rounds` chunks; those of the first one are compared with the CPU's. Returns
/// microseconds per image.
double whole_way(const Case& size, std::span<const float> keys, int rounds, int threads) {
  const std::size_t values = static_cast<std::size_t>(size.nodes) * static_cast<std::size_t>(size.dim);
  GpuAffinity gpu(0, size.nodes, size.dim, size.images);
  const auto submit = [&] {
    parallel_for(size.images, threads, [&](std::int64_t i) {
      gpu.stage(static_cast<int>(i), keys.subspan(static_cast<std::size_t>(i) * values, values));
    });
    gpu.submit(size.images);
  };
  const auto take = [&](bool compare) {
    gpu.take();
    parallel_for(size.images, threads, [&](std::int64_t i) {
      const BitGraph graph = gpu.graph(static_cast<int>(i));
      if (compare &&
          graph != build_bit_graph(keys.subspan(static_cast<std::size_t>(i) * values, values), size.nodes, size.dim)) {
        throw SystemError("The GPU made another graph than the CPU", size.model, "Test the card.");
      }
    });
  };
  submit();
  take(true);
  const auto begin = std::chrono::steady_clock::now();
  submit();
  for (int round = 0; round < rounds; ++round) {
    if (round + 1 < rounds) submit();
    take(false);
  }
  const std::chrono::duration<double, std::micro> passed = std::chrono::steady_clock::now() - begin;
  return passed.count() / (static_cast<double>(rounds) * size.images);
}

void measure(const Case& size, int rounds, int threads, bool json) {
  const std::vector<half> keys = random_keys(size);
  const cuda::Stream stream;
  const Blas blas(stream);
  StreamTimer timer;
  std::vector<double> kernels;
  std::vector<double> products;
  {
    Inputs inputs(size, keys, stream);
    constexpr int warm_up = 3;
    for (int round = 0; round < warm_up + rounds; ++round) {
      const double kernel = timer.milliseconds(stream, [&] { inputs.make_graphs(stream); });
      const double product = timer.milliseconds(stream, [&] { inputs.multiply(blas, size); });
      if (round < warm_up) continue;
      kernels.push_back(kernel);
      products.push_back(product);
    }
  }
  std::vector<float> widened(keys.size());
  to_float(keys, widened);
  const double kernel = median(kernels) * 1e3 / size.images;
  const double product = median(products) * 1e3 / size.images;
  // Of the full product, of which half is computed.
  const double teraflops = 2.0 * size.nodes * size.nodes * size.dim / (kernel * 1e6);
  const double whole = whole_way(size, widened, rounds, threads);
  if (json) {
    print_line({{"model", size.model},
                {"nodes", size.nodes},
                {"dim", size.dim},
                {"graphs_us", kernel},
                {"sgemm_us", product},
                {"whole_way_us", whole}});
    return;
  }
  std::printf(
      "%-12s %5d x %4d  graphs %8.2f us (%5.1f TFLOP/s of the full product)  SGEMM %8.2f us  ratio %5.2f  "
      "whole way %8.2f us\n",
      size.model, size.nodes, size.dim, kernel, teraflops, product, product / kernel, whole);
}

int run(int argc, char** argv) {
  return measure_cases("bench_gpu_affinity", "Affinity graphs on a GPU against SGEMM. Times are medians, per image.",
                       argc, argv, cases, measure);
}

}  // namespace
}  // namespace datus::bench

int main(int argc, char** argv) {
  return datus::bench::exit_code_of("bench_gpu_affinity", &datus::bench::run, argc, argv);
}
