#pragma once

#include <string>

namespace datus {

/// What a result of LibTorch on this machine depends on: device, instruction set, version of LibTorch, BLAS library.
/// Two machines with the same text give the same bits.
[[nodiscard]] std::string torch_backend();

}  // namespace datus
