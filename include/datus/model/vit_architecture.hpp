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

/// What a Vision Transformer's tensors say about it.
struct ViTArchitecture {
  std::string family;         ///< a name for people, for example "plain ViT (DINO, iBOT, Mugs, MoCo-v3, MAE)"
  int patch = 0;              ///< side of a patch in pixels
  int dim = 0;                ///< D, width of a token
  int depth = 0;              ///< number of blocks
  int heads = 0;              ///< attention heads; each is dim / heads wide
  int hidden = 0;             ///< width of the MLP
  int native_grid = 0;        ///< side of the stored grid of position embeddings
  double layer_norm_eps = 0;  ///< epsilon of every LayerNorm
  PositionRule position = PositionRule::offset;
};

}  // namespace datus
