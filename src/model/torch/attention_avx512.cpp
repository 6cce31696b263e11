// SPDX-License-Identifier: Apache-2.0
#include "model/torch/attention_loops.hpp"
#include "model/torch/lanes_avx512.hpp"

namespace datus::attention_kernels {

Kernel avx512_kernel() {
  return {.work_size = AttentionLoops<Lanes>::work_size, .attend = AttentionLoops<Lanes>::attend};
}

}  // namespace datus::attention_kernels
