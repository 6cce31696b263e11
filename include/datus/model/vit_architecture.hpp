// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace datus {

/// How position embeddings of the native grid are brought to another grid. All are bicubic per
/// axis, from N stored to n wanted positions; DESIGN section 7 tells which naming uses which.
enum class PositionRule {
  offset,          ///< a = -0.75, source = (i + 0.5) sqrt(N) / (n + 0.1) - 0.5, border clamped (DINO, hub
                   ///< DINOv2)
  size,            ///< a = -0.75, source = (i + 0.5) sqrt(N) / n - 0.5, border clamped (Hugging Face)
  size_antialias,  ///< a = -0.5, support widened when shrinking (hub DINOv2 with registers)
};

/// The name that the configuration uses: "offset", "size" or "size_antialias".
[[nodiscard]] const char* to_string(PositionRule rule) noexcept;

/// What stands between the two layers of a block's MLP.
enum class Activation {
  gelu,    ///< x Φ(x), the exact form
  relu6,   ///< min(max(x, 0), 6) (Unicom)
  swiglu,  ///< silu(first half) * second half of the first layer's output (DINOv2 g, DINOv3 S+, H+, 7B)
};

/// "gelu", "relu6" or "swiglu".
[[nodiscard]] const char* to_string(Activation activation) noexcept;

/// What a Vision Transformer's tensors say about it.
struct ViTArchitecture {
  std::string family;           ///< a name for people, for example "DINOv2"
  int patch = 0;                ///< side of a patch in pixels
  int dim = 0;                  ///< D, width of a token
  int depth = 0;                ///< number of blocks
  int heads = 0;                ///< attention heads; each is dim / heads wide
  int hidden = 0;               ///< width of the MLP behind its activation
  int native_grid = 0;          ///< side of the stored grid of position embeddings; 0 with rotary ones
  int registers = 0;            ///< tokens beside CLS and patches, which no output shows
  bool has_cls = true;          ///< whether there is a CLS token; without one a head may give the image's vector
  int image_vector_dim = 0;     ///< width of the image's vector: D of the CLS token, or the head's; 0 for none
  std::int64_t parameters = 0;  ///< values of all tensors in use
  double layer_norm_eps = 0;    ///< epsilon of every LayerNorm
  double rotary_period = 0;     ///< base of the periods of rotary positions where the file does not store them
  Activation activation = Activation::gelu;
  PositionRule position = PositionRule::offset;  ///< without meaning for rotary positions

  /// Tokens before the patches': CLS and registers.
  [[nodiscard]] int leading_tokens() const noexcept { return (has_cls ? 1 : 0) + registers; }
  [[nodiscard]] bool is_rotary() const noexcept { return native_grid == 0; }
};

}  // namespace datus
