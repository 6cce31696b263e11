#pragma once

#include "datus/core/error.hpp"

#include <string>

namespace datus {

/// The error of every reader of weights: the file is not what it claims to be.
[[noreturn]] inline void throw_damaged(const std::string& source, const std::string& why) {
  throw InputError("cannot read the weights file " + source, why, "Download or save the file again.");
}

}  // namespace datus
