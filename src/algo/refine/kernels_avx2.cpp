// SPDX-License-Identifier: Apache-2.0
#include "algo/refine/kernel_loops.hpp"

namespace datus::refine_detail {

Kernel avx2_kernel() {
  return shared_kernel<8>();
}

}  // namespace datus::refine_detail
