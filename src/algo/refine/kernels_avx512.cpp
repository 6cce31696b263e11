// SPDX-License-Identifier: Apache-2.0
#include "algo/refine/kernel_loops.hpp"

namespace datus::refine_detail {

Kernel avx512_kernel() {
  return shared_kernel<16>();
}

}  // namespace datus::refine_detail
