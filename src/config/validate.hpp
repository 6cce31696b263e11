// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/config/config.hpp"

#include <functional>
#include <string>

namespace datus {

/// Where the value of a key comes from, by full name: a place in a file, or "the default".
using OriginOf = std::function<std::string(const std::string&)>;

/// Refuses keys that are fine each but not together. Throws `UsageError` naming them and their
/// origins.
void validate(const Config& config, const OriginOf& origin_of);

}  // namespace datus
