// SPDX-License-Identifier: Apache-2.0
#include "vit/gemm_set.hpp"

#include "datus/core/parallel.hpp"
#include "model/torch/single_thread.hpp"

#include <cstddef>

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/rand.h>
#include <c10/core/InferenceMode.h>
#include <dlfcn.h>

namespace datus::bench {
namespace {

/// cblas_sgemm with its enumerations as the integers that they are.
using Sgemm = void (*)(int order, int transpose_a, int transpose_b, int m, int n, int k, float alpha, const float* a,
                       int lda, const float* b, int ldb, float beta, float* c, int ldc);

Sgemm find_openblas() {
  void* library = ::dlopen("libopenblas.so.0", RTLD_NOW);
  return library == nullptr ? nullptr : reinterpret_cast<Sgemm>(::dlsym(library, "cblas_sgemm"));
}

void multiply_with(Sgemm sgemm, const Product& product, const at::Tensor& left, const at::Tensor& right,
                   at::Tensor& result) {
  constexpr int row_major = 101;
  constexpr int plain = 111;
  constexpr int transposed = 112;
  const auto rows = static_cast<int>(product.rows);
  const auto inner = static_cast<int>(product.inner);
  const auto columns = static_cast<int>(product.columns);
  sgemm(row_major, plain, product.transposed ? transposed : plain, rows, columns, inner, 1.0F, left.data_ptr<float>(),
        inner, right.data_ptr<float>(), product.transposed ? inner : columns, 0.0F, result.data_ptr<float>(), columns);
}

}  // namespace

/// A product's matrices: several of each where the heads of one image have their own.
struct GemmSet::Operands {
  std::vector<at::Tensor> left, right, result;
};

GemmSet::GemmSet(const ViTShape& shape, int threads) : shape_(shape), threads_(threads) {
  use_calling_thread_only();
  const c10::InferenceMode inference;
  for (const Product& product : products_of(shape)) {
    const bool is_attention = product.part == "Q Kt" || product.part == "P V";
    const int copies = is_attention ? shape.heads : 1;
    for (int thread = 0; thread < threads; ++thread) {
      Operands& operands = operands_.emplace_back();
      for (int i = 0; i < copies; ++i) {
        const auto right = product.transposed ? std::vector<std::int64_t>{product.columns, product.inner}
                                              : std::vector<std::int64_t>{product.inner, product.columns};
        operands.left.push_back(at::rand({product.rows, product.inner}));
        const bool shares = thread > 0 && !is_attention;
        operands.right.push_back(shares ? operands_[operands_.size() - 2].right[0] : at::rand(right));
        operands.result.push_back(at::empty({product.rows, product.columns}));
      }
    }
  }
}

GemmSet::~GemmSet() = default;

bool GemmSet::has(GemmLibrary library) const {
  return library == GemmLibrary::torch || find_openblas() != nullptr;
}

std::vector<Duration> GemmSet::run(GemmLibrary library, int images) const {
  const Sgemm sgemm = library == GemmLibrary::openblas ? find_openblas() : nullptr;
  const auto run_product = [&](const Product& product, const Operands& operands) {
    use_calling_thread_only();
    const c10::InferenceMode inference;
    for (std::int64_t i = 0; i < images * product.count; ++i) {
      const auto copy = static_cast<std::size_t>(i) % operands.left.size();
      at::Tensor result = operands.result[copy];
      if (sgemm != nullptr) {
        multiply_with(sgemm, product, operands.left[copy], operands.right[copy], result);
      } else {
        const at::Tensor& right = operands.right[copy];
        at::mm_out(result, operands.left[copy], product.transposed ? right.t() : right);
      }
    }
  };
  std::vector<Duration> durations;
  const auto products = products_of(shape_);
  for (std::size_t p = 0; p < products.size(); ++p) {
    durations.push_back(duration_of([&] {
      parallel_for(threads_, threads_, [&](std::int64_t thread) {
        const std::size_t place = p * static_cast<std::size_t>(threads_) + static_cast<std::size_t>(thread);
        run_product(products[p], operands_[place]);
      });
    }));
  }
  return durations;
}

}  // namespace datus::bench
