// SPDX-License-Identifier: Apache-2.0
#include "datus/config/known_weights.hpp"

#include "datus/core/environment.hpp"
#include "datus/core/error.hpp"

#include <algorithm>
#include <vector>

namespace datus {
namespace {

namespace fs = std::filesystem;

constexpr const char* apache = "Apache-2.0";
constexpr const char* not_commercial = "CC-BY-NC-4.0";

KnownWeights dino(const std::string& name, const std::string& about, const std::string& file, double megabytes) {
  return {name, about, "https://dl.fbaipublicfiles.com/dino/" + file + "/" + file + ".pth", apache, megabytes, 224};
}

KnownWeights dinov2(const std::string& name, const std::string& about, const std::string& model,
                    const std::string& file, double megabytes) {
  return {name,   about,     "https://dl.fbaipublicfiles.com/dinov2/" + model + "/" + file + "_pretrain.pth",
          apache, megabytes, 518};
}

KnownWeights mae(const std::string& name, const std::string& about, const std::string& file, double megabytes) {
  return {name, about, "https://dl.fbaipublicfiles.com/mae/pretrain/" + file + ".pth", not_commercial, megabytes, 224};
}

}  // namespace

std::span<const KnownWeights> known_weights() {
  static const std::vector<KnownWeights> table = {
      dino("dino-vits8", "DINO ViT-S/8, the paper's", "dino_deitsmall8_pretrain", 86.7),
      dino("dino-vits16", "DINO ViT-S/16", "dino_deitsmall16_pretrain", 86.7),
      dino("dino-vitb8", "DINO ViT-B/8", "dino_vitbase8_pretrain", 343.2),
      dino("dino-vitb16", "DINO ViT-B/16", "dino_vitbase16_pretrain", 343.2),
      dinov2("dinov2-s14", "DINOv2 ViT-S/14", "dinov2_vits14", "dinov2_vits14", 88.3),
      dinov2("dinov2-b14", "DINOv2 ViT-B/14", "dinov2_vitb14", "dinov2_vitb14", 346.4),
      dinov2("dinov2-l14", "DINOv2 ViT-L/14", "dinov2_vitl14", "dinov2_vitl14", 1217.6),
      dinov2("dinov2-s14-reg4", "DINOv2 ViT-S/14 with registers", "dinov2_vits14", "dinov2_vits14_reg4", 88.3),
      dinov2("dinov2-b14-reg4", "DINOv2 ViT-B/14 with registers", "dinov2_vitb14", "dinov2_vitb14_reg4", 346.4),
      dinov2("dinov2-l14-reg4", "DINOv2 ViT-L/14 with registers", "dinov2_vitl14", "dinov2_vitl14_reg4", 1217.6),
      mae("mae-vitb16", "MAE ViT-B/16, encoder", "mae_pretrain_vit_base", 343.2),
      mae("mae-vitl16", "MAE ViT-L/16, encoder", "mae_pretrain_vit_large", 1213.2),
  };
  return table;
}

std::optional<KnownWeights> find_known_weights(const std::string& name) {
  const auto found = std::ranges::find(known_weights(), name, &KnownWeights::name);
  return found == known_weights().end() ? std::nullopt : std::optional(*found);
}

fs::path weights_folder() {
  if (const std::string own = environment_variable("DATUS_CACHE"); !own.empty()) return fs::absolute(own) / "weights";
  if (const std::string cache = environment_variable("XDG_CACHE_HOME"); !cache.empty()) {
    return fs::absolute(cache) / "datus" / "weights";
  }
  const std::string home = environment_variable("HOME");
  if (home.empty()) {
    throw UsageError("There is no folder for weights", "neither DATUS_CACHE, XDG_CACHE_HOME nor HOME is set",
                     "Set DATUS_CACHE to a folder that can be written to.");
  }
  return fs::path(home) / ".cache" / "datus" / "weights";
}

fs::path weights_file(const KnownWeights& weights) {
  return weights_folder() / fs::path(weights.url).filename();
}

}  // namespace datus
