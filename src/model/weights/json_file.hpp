#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

namespace datus {

/// An object in a JSON file. Throws `InputError` naming the file when it cannot be read, is larger than a description
/// can be (4 MiB), is no JSON, or no object.
[[nodiscard]] nlohmann::json read_json_object(const std::filesystem::path& path);

/// The member `key` as a T; nothing when it is missing or null. Throws `InputError` naming file and key when it is
/// something else.
template <class T>
std::optional<T> member_of(const nlohmann::json& object, const std::string& key, const std::string& source);

}  // namespace datus
