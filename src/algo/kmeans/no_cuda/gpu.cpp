// SPDX-License-Identifier: Apache-2.0
#include "algo/kmeans/engine.hpp"
#include "datus/core/error.hpp"

namespace datus::clustering {

std::unique_ptr<Engine> make_gpu_engine(const Context& /*context*/, const KMeansGpu& /*gpu*/,
                                        std::int64_t /*other_bytes*/) {
  throw SystemError("k-means cannot run on a GPU", "this build has no CUDA",
                    "Build datus with -DDATUS_CUDA=ON, or leave the work to the processor.");
}

}  // namespace datus::clustering
