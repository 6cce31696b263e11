// SPDX-License-Identifier: Apache-2.0
#include "config/codec.hpp"
#include "config/value_codec.hpp"
#include "datus/config/known_weights.hpp"
#include "datus/core/environment.hpp"
#include "datus/core/error.hpp"

#include <string_view>

namespace datus {
namespace {

/// Units of `byte_count`, largest first.
constexpr std::array<std::pair<std::string_view, std::int64_t>, 4> byte_units = {{
    {"TiB", std::int64_t{1} << 40U},
    {"GiB", std::int64_t{1} << 30U},
    {"MiB", std::int64_t{1} << 20U},
    {"KiB", std::int64_t{1} << 10U},
}};

/// The text of a scalar that is neither null nor empty.
const std::string* text_scalar(const RawValue& value) {
  if (value.is_list || value.items.size() != 1) return nullptr;
  const RawValue::Item& item = value.items.front();
  return item.text.empty() || (item.text == "null" && !item.quoted) ? nullptr : &item.text;
}

/// A letter or digit, or `_`.
bool is_of_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/// The end of the name of a variable that begins there.
std::size_t end_of_name(const std::string& text, std::size_t begin) {
  while (begin < text.size() && is_of_word(text[begin])) ++begin;
  return begin;
}

std::string variable(const std::string& name, const std::string& text, const RawValue& value) {
  if (std::string content = environment_variable(name); !content.empty()) return content;
  throw UsageError("The path " + text + " cannot be expanded",
                   value.origin + ": " + (name.empty() ? "no name of a variable after $" : name + " is not set"),
                   "Set the variable, or write the path out; $$ is a $ of its own.");
}

/// As a shell expands it: `~` in front, `$NAME` and `${NAME}`; `$$` is one `$`.
std::string expanded(const std::string& text, const RawValue& value) {
  if (text.size() > 1 && text[0] == '~' && text[1] != '/') {
    throw UsageError("The path " + text + " cannot be expanded", value.origin + ": ~ stands for your own home only",
                     "Write the path out; ./" + text + " is a folder of that name.");
  }
  std::string result;
  std::size_t at = 0;
  if (text == "~" || text.starts_with("~/")) {
    result = variable("HOME", text, value);
    at = 1;
  }
  while (at < text.size()) {
    if (text[at] != '$') {
      result += text[at++];
      continue;
    }
    if (text.compare(at, 2, "$$") == 0) {
      result += '$';
      at += 2;
      continue;
    }
    const bool has_brace = text.compare(at, 2, "${") == 0;
    const std::size_t begin = at + (has_brace ? 2 : 1);
    const std::size_t end = end_of_name(text, begin);
    const bool is_closed = !has_brace || (end < text.size() && text[end] == '}');
    result += variable(is_closed ? text.substr(begin, end - begin) : "", text, value);
    at = end + (has_brace ? 1 : 0);
  }
  return result;
}

std::filesystem::path resolved(const std::string& text, const RawValue& value) {
  return std::filesystem::absolute(value.folder / expanded(text, value)).lexically_normal();
}

bool is_name(const std::string& text) {
  return std::ranges::all_of(text, [](char c) { return is_of_word(c) || c == '-'; });
}

std::string print_path(const std::filesystem::path& path) {
  return yaml_string(literal_path(path.string()));
}

std::optional<PixelSize> parse_pixel_size(const RawValue& value) {
  const auto side = integer<int>(1);
  if (!value.is_list) {
    const auto both = parsed(side, value);
    return both ? std::optional(PixelSize{*both, *both}) : std::nullopt;
  }
  if (value.items.size() != 2) return std::nullopt;
  const auto sides = elements_of(value);
  const auto rows = parsed(side, sides[0]);
  const auto cols = parsed(side, sides[1]);
  return rows && cols ? std::optional(PixelSize{*rows, *cols}) : std::nullopt;
}

std::optional<ClassSource> parse_class_source(const RawValue& value) {
  const std::string* text = text_scalar(value);
  if (text == nullptr) {
    const bool is_null = !value.is_list && value.items.size() == 1 && value.items.front().text == "null";
    return is_null ? std::optional(ClassSource{}) : std::nullopt;
  }
  // What looks like a number is never taken for a file, so that 0 and 2.5 are refused and not searched for.
  if (!value.items.front().quoted && parse_number<double>(*text)) {
    const auto count = parsed(integer<int>(1), value);
    return count ? std::optional(ClassSource{*count, std::nullopt}) : std::nullopt;
  }
  return ClassSource{std::nullopt, resolved(*text, value)};
}

std::optional<std::int64_t> parse_byte_count(const RawValue& value) {
  const std::string* text = plain_scalar(value);
  if (text == nullptr) return std::nullopt;
  std::string digits = *text;
  std::int64_t unit = 1;
  for (const auto& [suffix, bytes] : byte_units) {
    if (digits.ends_with(suffix)) {
      digits.resize(digits.size() - suffix.size());
      unit = bytes;
      break;
    }
  }
  const auto count = parse_number<std::int64_t>(digits);
  const bool fits = count && *count >= 1 && *count <= std::numeric_limits<std::int64_t>::max() / unit;
  return fits ? std::optional(*count * unit) : std::nullopt;
}

std::string print_byte_count(std::int64_t count) {
  for (const auto& [suffix, bytes] : byte_units) {
    if (count % bytes == 0) return std::to_string(count / bytes).append(suffix);
  }
  return std::to_string(count);
}

}  // namespace

std::string literal_path(const std::string& path) {
  std::string literal = path.starts_with('~') ? "./" : "";
  for (const char c : path) literal += c == '$' ? std::string("$$") : std::string(1, c);
  return literal;
}

CodecOf<std::string> word() {
  const auto parse = [](const RawValue& value) {
    const std::string* text = text_scalar(value);
    return text ? std::optional(*text) : std::nullopt;
  };
  return codec_of<std::string>("text", parse, yaml_string);
}

CodecOf<std::filesystem::path> file_path() {
  const auto parse = [](const RawValue& value) {
    const std::string* text = text_scalar(value);
    return text ? std::optional(resolved(*text, value)) : std::nullopt;
  };
  return codec_of<std::filesystem::path>("path", parse, print_path);
}

CodecOf<std::filesystem::path> weights_path() {
  const auto parse = [](const RawValue& value) -> std::optional<std::filesystem::path> {
    const std::string* text = text_scalar(value);
    if (text == nullptr) return std::nullopt;
    const auto known = find_known_weights(*text);
    const auto path = resolved(*text, value);
    std::error_code unknown;
    if (!known || std::filesystem::exists(path, unknown)) return path;
    if (const auto file = weights_file(*known); std::filesystem::exists(file, unknown)) return file;
    throw UsageError("The weights " + *text + " are not on this machine",
                     value.origin + ": there is no " + weights_file(*known).string(),
                     "Fetch them where there is a network, for example on a login node: datus weights get " + *text);
  };
  return codec_of<std::filesystem::path>("path, or a name that `datus weights list` has", parse, print_path);
}

CodecOf<std::filesystem::path> path_as_written() {
  const auto parse = [](const RawValue& value) {
    const std::string* text = text_scalar(value);
    return text ? std::optional(std::filesystem::path(expanded(*text, value)).lexically_normal()) : std::nullopt;
  };
  return codec_of<std::filesystem::path>("path", parse, print_path);
}

CodecOf<std::filesystem::path> name_or_path() {
  const auto parse = [](const RawValue& value) -> std::optional<std::filesystem::path> {
    const std::string* text = text_scalar(value);
    if (text == nullptr) return std::nullopt;
    return is_name(*text) ? std::filesystem::path(*text) : resolved(*text, value);
  };
  const auto canonical = [](const std::filesystem::path& path) {
    return is_name(path.string()) ? print_path(path) : std::string("(file)");
  };
  return codec_of<std::filesystem::path>("name, or path with a `/` or `.` in it", parse, print_path, canonical);
}

CodecOf<std::string> hdf5_dataset() {
  const auto parse = [](const RawValue& value) -> std::optional<std::string> {
    const std::string* text = text_scalar(value);
    if (text == nullptr) return std::nullopt;
    const std::size_t colon = std::min(text->rfind(":/"), text->size());
    if (colon == 0) return std::nullopt;
    return resolved(text->substr(0, colon), value).string() + text->substr(colon);
  };
  const auto print = [](const std::string& text) { return yaml_string(literal_path(text)); };
  return codec_of<std::string>("FILE.h5 or FILE.h5:/dataset", parse, print);
}

CodecOf<ClassSource> class_source() {
  const auto print = [](const ClassSource& value) {
    if (value.count) return std::to_string(*value.count);
    return value.file ? print_path(*value.file) : std::string("null");
  };
  const auto canonical = [print](const ClassSource& value) {
    return value.file ? std::string("(file)") : print(value);
  };
  return codec_of<ClassSource>("`null`, integer of at least 1, or path", parse_class_source, print, canonical);
}

CodecOf<PixelSize> pixel_size() {
  const auto print = [](const PixelSize& size) {
    const std::string rows = std::to_string(size.rows);
    return size.rows == size.cols ? rows : bracketed({rows, std::to_string(size.cols)});
  };
  return codec_of<PixelSize>("integer of at least 1, or [rows, cols]", parse_pixel_size, print);
}

CodecOf<std::array<double, 3>> three_numbers(const CodecOf<double>& element) {
  using Triple = std::array<double, 3>;
  const auto parse = [element](const RawValue& value) -> std::optional<Triple> {
    const auto elements = elements_of(value);
    if (!value.is_list || elements.size() != 3) return std::nullopt;
    Triple triple{};
    for (std::size_t i = 0; i < triple.size(); ++i) {
      const auto number = parsed(element, elements[i]);
      if (!number) return std::nullopt;
      triple[i] = *number;
    }
    return triple;
  };
  const auto print = [](const Triple& triple) {
    return bracketed({print_number(triple[0]), print_number(triple[1]), print_number(triple[2])});
  };
  return codec_of<std::array<double, 3>>("list of three, each a " + element.allowed, parse, print);
}

CodecOf<std::int64_t> byte_count() {
  return codec_of<std::int64_t>("size such as 256MiB, 4GiB or plain bytes", parse_byte_count, print_byte_count);
}

}  // namespace datus
