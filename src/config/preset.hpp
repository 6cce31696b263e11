// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/codec.hpp"

#include <span>
#include <string>
#include <vector>

namespace datus {

/// A named set of values, each "section.key=value", for the keys that are not written elsewhere.
struct Preset {
  std::string name;
  std::string help;
  std::vector<std::string> values;
};

/// The preset of a configuration file that says nothing about the method.
inline constexpr auto preset_of_files = "best";

/// All presets; the first one is the default.
[[nodiscard]] std::span<const Preset> presets();

/// The name of a preset.
[[nodiscard]] CodecOf<std::string> preset_name();

}  // namespace datus
