// SPDX-License-Identifier: Apache-2.0
#include "algo/refine/kernel_loops.hpp"

namespace datus::refine_detail {

Kernel scalar_kernel() {
  return shared_kernel<4>();
}

}  // namespace datus::refine_detail
