// SPDX-License-Identifier: Apache-2.0
#include "pipeline/files/config_file.hpp"

#include "datus/core/hash.hpp"
#include "datus/core/text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>
#include <utility>

namespace datus {
namespace {

constexpr std::string_view backend_mark = "# backend: ";
constexpr std::string_view inputs_mark = "# inputs: ";
constexpr std::string_view hash_mark = "# hash: ";

/// The inputs that are named in the second line, in this order.
constexpr std::array<std::pair<std::string_view, std::optional<Hash> RunInputs::*>, 3> named_inputs = {{
    {"weights=", &RunInputs::weights},
    {"descriptor_weights=", &RunInputs::descriptor_weights},
    {"centroids=", &RunInputs::centroids},
}};

std::string inputs_text(const RunInputs& inputs) {
  std::string text;
  for (const auto& [name, member] : named_inputs) {
    const std::optional<Hash>& hash = inputs.*member;
    text.append(text.empty() ? "" : " ").append(name).append(hash ? hash->hex() : "none");
  }
  return text;
}

/// The hash that `Hash::hex` wrote; nothing for any other text.
std::optional<Hash> hash_from(std::string_view hex) {
  Hash hash;
  if (hex.size() != 32) return std::nullopt;
  (void)std::from_chars(hex.data(), hex.data() + 16, hash.high, 16);
  (void)std::from_chars(hex.data() + 16, hex.data() + 32, hash.low, 16);
  return hash.hex() == hex ? std::optional(hash) : std::nullopt;
}

/// Reads what `inputs_text` wrote into `inputs`; false for any other text.
bool parse_inputs(std::string_view text, RunInputs& inputs) {
  for (const auto& [name, member] : named_inputs) {
    const std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(word.size() + 1, text.size()));
    if (!word.starts_with(name)) return false;
    const std::string_view value = word.substr(name.size());
    inputs.*member = hash_from(value);
    if (value != "none" && !(inputs.*member)) return false;
  }
  return text.empty();
}

/// Over what stands before and after the line of the hash.
Hash hash_of(std::string_view before, std::string_view after) {
  return Hasher().add(before).add(after).finish();
}

/// Takes the next line off `text`, without its end; nothing when it does not begin with `mark` or does not end.
std::optional<std::string_view> take_line(std::string_view& text, std::string_view mark) {
  const auto end = text.find('\n');
  if (end == std::string_view::npos || !text.starts_with(mark)) return std::nullopt;
  const std::string_view line = text.substr(mark.size(), end - mark.size());
  text.remove_prefix(end + 1);
  return line;
}

std::string one_line(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

}  // namespace

std::string config_file_text(const Config& config, const RunInputs& inputs) {
  std::string before;
  before.append(backend_mark).append(one_line(inputs.backend)).append("\n");
  before.append(inputs_mark).append(inputs_text(inputs)).append("\n");
  const std::string settings = dump_config(config, false);
  return before + std::string(hash_mark) + hash_of(before, settings).hex() + "\n" + settings;
}

std::optional<ConfigFileRecord> read_config_file_record(const std::filesystem::path& path) {
  const auto content = text_of_file(path);
  if (!content) return std::nullopt;
  std::string_view rest = *content;
  const auto backend = take_line(rest, backend_mark);
  if (!backend) return std::nullopt;
  ConfigFileRecord record;
  record.inputs.backend = *backend;
  const auto inputs = take_line(rest, inputs_mark);
  if (!inputs || !parse_inputs(*inputs, record.inputs)) return record;
  const std::string_view before(content->data(), content->size() - rest.size());
  const auto hash = take_line(rest, hash_mark);
  record.intact = hash && *hash == hash_of(before, rest).hex();
  return record;
}

}  // namespace datus
