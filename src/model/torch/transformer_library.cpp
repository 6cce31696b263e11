// SPDX-License-Identifier: Apache-2.0
#include "model/torch/torch_backend.hpp"
#include "model/torch/torch_transformer.hpp"

namespace datus {

const TransformerLibrary& transformer_library() {
  static constexpr TransformerLibrary library{TorchTransformer::load, backend_of_cpu, backend_of_gpu};
  return library;
}

}  // namespace datus

// What the module is asked for.
extern "C" const datus::TransformerLibrary* DATUS_TRANSFORMER_SYMBOL() {
  return &datus::transformer_library();
}
