// SPDX-License-Identifier: Apache-2.0
#include "algo/refine/guided_avx.hpp"

namespace datus::refine_detail {

GuidedKernel avx512_guided_kernel() {
  return shared_guided_kernel<16>(keep_largest);
}

}  // namespace datus::refine_detail
