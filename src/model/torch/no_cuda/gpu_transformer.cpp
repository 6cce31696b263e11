// SPDX-License-Identifier: Apache-2.0
#include "datus/core/error.hpp"
#include "model/torch/device_transformer.hpp"
#include "model/torch/torch_backend.hpp"

namespace datus {
namespace {

[[noreturn]] void refuse() {
  throw SystemError("A model cannot run on a GPU", "this build has no CUDA (DATUS_CUDA=OFF)",
                    "Set model.device: cpu, or build with DATUS_CUDA=ON.");
}

}  // namespace

std::unique_ptr<DeviceTransformer> make_gpu_transformer(const ViTArchitecture& /*architecture*/,
                                                        const ViTWeights& /*weights*/, TokenBase& /*token_base*/,
                                                        int /*gpu*/, Precision /*precision*/, bool /*cuda_graphs*/,
                                                        int /*threads*/) {
  refuse();
}

std::string backend_of_gpu(int /*gpu*/, Precision /*precision*/) {
  refuse();
}

}  // namespace datus
