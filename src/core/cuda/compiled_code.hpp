// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace datus::cuda {

/// What the kernels of a build are compiled to for one generation of cards.
struct CompiledCode {
  int capability = 0;  ///< compute capability, times ten: 80 is 8.0
  /// 0, or what nvcc calls specific code: 'a' for this very generation alone, 'f' for the later ones of its family too.
  char only_for = 0;
  bool is_binary = false;    ///< machine code, for the later generations with the same first digit too
  bool is_portable = false;  ///< PTX, which the driver compiles for this and any later generation when datus starts
  friend bool operator==(const CompiledCode&, const CompiledCode&) = default;

  /// Whether a card of that compute capability, times ten, can run it.
  [[nodiscard]] bool runs_on(int card) const;
};

/// What nvcc makes for `architectures`, the value of CMAKE_CUDA_ARCHITECTURES with commas, "80-real,90": binary and
/// portable code for each, or what `-real` and `-virtual` leave of that. Words for some generations (`native`, `all`,
/// `all-major`) stand for `compiled`, the capabilities in rising order, times ten, that nvcc compiled for.
[[nodiscard]] std::vector<CompiledCode> compiled_code(std::string_view architectures, std::span<const int> compiled);

/// That of this build.
[[nodiscard]] std::vector<CompiledCode> compiled_code();

/// For which cards it is: "8.0, 9.0 and later cards", "8.0 to 8.9, 9.0 alone".
[[nodiscard]] std::string text_of(std::span<const CompiledCode> codes);

/// "8.0" of 80.
[[nodiscard]] std::string capability_text(int times_ten);

}  // namespace datus::cuda
