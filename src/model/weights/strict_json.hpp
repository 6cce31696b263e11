#pragma once

#include <cstddef>
#include <span>
#include <string>

#include <nlohmann/json.hpp>

namespace datus {

/// Parses JSON of a file that may be damaged or hostile: no more than 16 MiB (headers and indices that
/// people publish are well below one), nested no deeper than these files need, no key twice in an
/// object (the JSON library would keep the last), no key that would garble a message. Throws
/// `InputError` naming `source` and the reason; `what` is what the bytes are, for example "the header".
[[nodiscard]] nlohmann::json parse_strict_json(std::span<const std::byte> bytes, const std::string& what,
                                               const std::string& source);

}  // namespace datus
