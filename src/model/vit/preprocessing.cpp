// SPDX-License-Identifier: Apache-2.0
#include "datus/model/preprocessing.hpp"

#include "datus/core/error.hpp"
#include "model/weights/hub_config.hpp"
#include "model/weights/json_file.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

namespace datus {
namespace {

namespace fs = std::filesystem;
using Triple = std::array<double, 3>;

[[noreturn]] void refuse(const std::string& source, const std::string& why) {
  throw InputError("cannot follow " + source, why,
                   "Set model.mean, model.std and model.resample, and remove the file from beside the weights.");
}

std::array<float, 3> as_floats(const Triple& values) {
  return {static_cast<float>(values[0]), static_cast<float>(values[1]), static_cast<float>(values[2])};
}

void take_statistics(Preprocessing& result, const std::optional<Triple>& mean, const std::optional<Triple>& deviation,
                     const std::string& source) {
  if (mean) result.mean = as_floats(*mean);
  if (deviation) result.standard_deviation = as_floats(*deviation);
  const auto positive = [](float value) { return value > 0 && std::isfinite(value); };
  if (!std::ranges::all_of(result.standard_deviation, positive)) refuse(source, "a standard deviation is not positive");
  if (!std::ranges::all_of(result.mean, [](float value) { return std::isfinite(value); })) {
    refuse(source, "a mean is not finite");
  }
}

/// PIL's numbers of its filters.
Resample filter_of(int number, const std::string& source) {
  constexpr int bilinear = 2;
  constexpr int bicubic = 3;
  if (number == bilinear) return Resample::bilinear;
  if (number == bicubic) return Resample::bicubic;
  refuse(source, "its resample is " + std::to_string(number) + ", neither 2 (bilinear) nor 3 (bicubic)");
}

Resample filter_of(const std::string& name, const std::string& source) {
  if (name == "bilinear") return Resample::bilinear;
  if (name == "bicubic") return Resample::bicubic;
  refuse(source, "its interpolation is " + name + ", neither bilinear nor bicubic");
}

Preprocessing from_hub(const fs::path& path, Preprocessing result) {
  const std::string source = path.string();
  const nlohmann::json json = read_json_object(path);
  if (const auto scale = member_of<double>(json, "rescale_factor", source);
      scale && std::abs(*scale * 255 - 1) > 1e-6) {
    refuse(source, "its rescale_factor is not 1/255");
  }
  for (const char* step : {"do_normalize", "do_rescale"}) {
    const auto found = json.find(step);
    if (found != json.end() && *found == false) refuse(source, std::string(step) + " is false");
  }
  take_statistics(result, member_of<Triple>(json, "image_mean", source), member_of<Triple>(json, "image_std", source),
                  source);
  if (const auto filter = member_of<int>(json, "resample", source)) result.resample = filter_of(*filter, source);
  result.source = source;
  result.doubt.clear();
  return result;
}

/// Nothing in a config.json of something else.
Preprocessing from_timm(const fs::path& path, Preprocessing result) {
  const std::string source = path.string();
  const nlohmann::json json = read_json_object(path);
  const auto found = json.find("pretrained_cfg");
  if (found == json.end() || !found->is_object()) return result;
  take_statistics(result, member_of<Triple>(*found, "mean", source), member_of<Triple>(*found, "std", source), source);
  if (const auto filter = member_of<std::string>(*found, "interpolation", source)) {
    result.resample = filter_of(*filter, source);
  }
  result.source = source;
  result.doubt.clear();
  return result;
}

}  // namespace

Preprocessing find_preprocessing(const fs::path& weights, Preprocessing own) {
  if (const auto hub = file_beside(weights, "preprocessor_config.json")) return from_hub(*hub, std::move(own));
  if (const auto timm = file_beside(weights, "config.json")) return from_timm(*timm, std::move(own));
  return own;
}

}  // namespace datus
