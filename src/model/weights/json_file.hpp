// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>
#include <string>

#include <nlohmann/json.hpp>

namespace datus {

/// A part of a weights file, which only its format makes: no more than 16 MiB (headers and indices that people publish
/// are well below one), no deeper than they need, strict names. Throws `InputError` naming `source` and the reason.
[[nodiscard]] nlohmann::json parse_weights_json(std::span<const std::byte> bytes, const std::string& what,
                                                const std::string& source);

/// An object in a JSON file that describes weights, which anybody may extend. Throws `InputError` naming the file when
/// it cannot be read, is larger than a description can be (4 MiB), is no JSON, or no object.
[[nodiscard]] nlohmann::json read_json_object(const std::filesystem::path& path);

/// The member `key` as a T; nothing when it is missing or null. Throws `InputError` naming file and key when it is
/// something else.
template <class T>
std::optional<T> member_of(const nlohmann::json& object, const std::string& key, const std::string& source);

}  // namespace datus
