#include "model/torch/activation.hpp"

#include "model/torch/activation_kernels.hpp"

namespace datus {
namespace {

activation_kernels::AddBiasGelu* kernel_of(SimdPath path) {
  switch (path) {
    case SimdPath::avx512:
      return activation_kernels::add_bias_gelu_avx512;
    case SimdPath::avx2:
      return activation_kernels::add_bias_gelu_avx2;
    case SimdPath::scalar:
      break;
  }
  return activation_kernels::add_bias_gelu_baseline;
}

}  // namespace

void add_bias_gelu(at::Tensor& hidden, const at::Tensor& bias, SimdPath path) {
  require_simd_path(path);
  kernel_of(path)(hidden.data_ptr<float>(), hidden.stride(0), bias.data_ptr<float>(), hidden.size(0), hidden.size(1));
}

}  // namespace datus
