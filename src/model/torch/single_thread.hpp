// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace datus {

/// Makes LibTorch and its BLAS work on the calling thread only, for this thread and for those
/// started later. Parallelism is over images; an inner one would make sums depend on the number of
/// threads. Cheap when it is so already.
void use_calling_thread_only();

}  // namespace datus
