#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace datus {

/// The bytes of a regular file; nothing for whatever else is there, and when it cannot be read.
[[nodiscard]] std::optional<std::string> text_of_file(const std::filesystem::path& path);

}  // namespace datus
