// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/config/config.hpp"

#include <map>
#include <string>

namespace datus {

// What tells runs apart, for tables of several of them.

using MethodSettings = std::map<std::string, std::string>;  ///< "affinity.center" and its value

/// Settings that decide results, but for the data set, K and seed, the evaluation, and what has columns of its own.
[[nodiscard]] MethodSettings method_settings(const Config& config);

/// "suim val (suim)": the data set, its part, its label map.
[[nodiscard]] std::string dataset_name(const DatasetConfig& dataset);

/// The file of the weights without its ending; "none" without a model.
[[nodiscard]] std::string backbone_name(const Config& config);

}  // namespace datus
