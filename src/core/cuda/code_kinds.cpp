// SPDX-License-Identifier: Apache-2.0
#include "core/cuda/compiled_code.hpp"

#include <algorithm>
#include <charconv>

namespace datus::cuda {
namespace {

/// Takes `ending` off the end of `text`, if it is there.
bool take_ending(std::string_view& text, std::string_view ending) {
  if (!text.ends_with(ending)) return false;
  text.remove_suffix(ending.size());
  return true;
}

/// Of "80", "90a-real", …; of capability 0 where it is another word.
CompiledCode code_of(std::string_view word) {
  CompiledCode code{.capability = 0, .is_binary = true, .is_portable = true};
  if (take_ending(word, "-real")) code.is_portable = false;
  if (take_ending(word, "-virtual")) code.is_binary = false;
  for (const char kind : {'a', 'f'}) {
    if (take_ending(word, std::string_view(&kind, 1))) code.only_for = kind;
  }
  const auto [end, problem] = std::from_chars(word.data(), word.data() + word.size(), code.capability);
  return problem == std::errc() && end == word.data() + word.size() ? code : CompiledCode{};
}

/// Of a word for some generations, or of flags that CMake knows nothing of.
std::vector<CompiledCode> codes_of(std::string_view word, std::span<const int> compiled) {
  const bool is_for_all = word.starts_with("all");
  std::vector<CompiledCode> codes;
  for (const int capability : compiled) {
    const bool is_last = capability == compiled.back();
    codes.push_back(
        {.capability = capability, .is_binary = true, .is_portable = is_for_all ? is_last : word != "native"});
  }
  return codes;
}

std::string text_of(const CompiledCode& code) {
  const std::string first = capability_text(code.capability);
  if (code.only_for == 'a') return first + " alone";
  if (code.only_for == 0 && code.is_portable) return first;
  const int last = code.capability / 10 * 10 + 9;
  return last == code.capability ? first : first + " to " + capability_text(last);
}

}  // namespace

bool CompiledCode::runs_on(int card) const {
  const bool is_of_family = capability / 10 == card / 10 && capability <= card;
  if (only_for == 'a') return capability == card;
  if (only_for == 'f') return is_of_family;
  return (is_binary && is_of_family) || (is_portable && capability <= card);
}

std::vector<CompiledCode> compiled_code(std::string_view architectures, std::span<const int> compiled) {
  std::vector<CompiledCode> codes;
  for (std::string_view left = architectures; !left.empty();) {
    const std::string_view word = left.substr(0, left.find(','));
    left.remove_prefix(std::min(left.size(), word.size() + 1));
    const CompiledCode code = code_of(word);
    if (code.capability == 0) return codes_of(word, compiled);
    const auto same = std::ranges::find_if(codes, [&](const CompiledCode& known) {
      return known.capability == code.capability && known.only_for == code.only_for;
    });
    if (same == codes.end()) {
      codes.push_back(code);
    } else {
      same->is_binary = same->is_binary || code.is_binary;
      same->is_portable = same->is_portable || code.is_portable;
    }
  }
  std::ranges::stable_sort(codes, {}, &CompiledCode::capability);
  return codes.empty() ? codes_of(architectures, compiled) : codes;
}

std::string text_of(std::span<const CompiledCode> codes) {
  std::string text;
  for (const CompiledCode& code : codes) text += (text.empty() ? "" : ", ") + text_of(code);
  const bool has_later =
      std::ranges::any_of(codes, [](const CompiledCode& code) { return code.is_portable && code.only_for == 0; });
  return text + (has_later ? " and later cards" : "");
}

std::string capability_text(int times_ten) {
  return std::to_string(times_ten / 10) + "." + std::to_string(times_ten % 10);
}

}  // namespace datus::cuda
