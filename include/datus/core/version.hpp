// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace datus {

/// Of this program: "0.2.0".
[[nodiscard]] const char* version() noexcept;

}  // namespace datus
