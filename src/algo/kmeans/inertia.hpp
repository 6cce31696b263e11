#pragma once

#include "datus/core/host_device.hpp"

namespace datus::clustering {

/// The inertia of a row, max(0, |x|^2 + score) in f64, times `scale`. NaN stays NaN: it is not cleared to 0.
[[nodiscard]] DATUS_HOST_DEVICE inline double inertia_in_units(float squared_norm, float score, double scale) noexcept {
  const double inertia = static_cast<double>(squared_norm) + static_cast<double>(score);
  return (inertia < 0.0 ? 0.0 : inertia) * scale;
}

}  // namespace datus::clustering
