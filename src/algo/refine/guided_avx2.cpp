// SPDX-License-Identifier: Apache-2.0
#include "algo/refine/guided_avx.hpp"

namespace datus::refine_detail {

GuidedKernel avx2_guided_kernel() {
  return shared_guided_kernel<8>(keep_largest);
}

}  // namespace datus::refine_detail
