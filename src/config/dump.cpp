// SPDX-License-Identifier: Apache-2.0
#include "config/preset.hpp"
#include "config/schema.hpp"
#include "config/text.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace datus {
namespace {

constexpr std::size_t line_width = 100;

std::string stage_list(const Key& key, const std::string& none) {
  std::vector<std::string> names;
  for (const Stage stage : key.stages) names.emplace_back(stage_name(stage));
  return names.empty() ? none : joined(names, ", ");
}

std::string without_backticks(std::string text) {
  std::erase(text, '`');
  return text;
}

std::string comment(const Key& key, const std::string& indent) {
  std::string text = key.help + " Allowed: " + key.allowed + ".";
  if (!key.stages.empty()) text += " Affects: " + stage_list(key, "") + ".";
  return wrapped(without_backticks(text), indent + "# ", line_width);
}

std::string line(const Key& key, const Config& config, bool comments, const std::string& indent) {
  return (comments ? comment(key, indent) : "") + indent + key.name + ": " + key.write(config) + "\n";
}

/// Text for a cell of a Markdown table.
std::string cell(const std::string& text) {
  std::string escaped;
  for (const char c : text) escaped.append(c == '|' ? "\\|" : std::string(1, c));
  return escaped;
}

std::string reference_row(const Key& key, const Config& defaults) {
  return "| `" + key.name + "` | `" + key.write(defaults) + "` | " + cell(key.allowed) + " | " + stage_list(key, "-") +
         " | " + cell(key.help) + " |\n";
}

}  // namespace

std::string dump_config(const Config& config, bool comments) {
  std::string text;
  for (const Key& key : schema()) {
    if (key.section.empty()) text += line(key, config, comments, "");
  }
  for (const Section& section : sections()) {
    if (comments) text += "\n# " + without_backticks(section.help) + "\n";
    text += section.name + ":\n";
    for (const Key& key : schema()) {
      if (key.section == section.name) text += line(key, config, comments, "  ");
    }
  }
  return text;
}

std::string settings_text(const Config& config, Stage stage) {
  std::string text;
  for (const Key& key : schema()) {
    if (key.affects(stage)) text += key.full_name() + ": " + key.canonical(config) + "\n";
  }
  return text;
}

Hash settings_hash(const Config& config, Stage stage) {
  return Hasher().add(settings_text(config, stage)).finish();
}

std::string config_reference_markdown() {
  const Config defaults;
  std::string text = "## Presets\n\n| `preset` | values | meaning |\n|---|---|---|\n";
  for (const Preset& preset : presets()) {
    const std::string values = joined(preset.values, "`, `");
    text += "| `" + preset.name + "` | " + (values.empty() ? "the defaults" : "`" + values + "`") + " | " +
            cell(preset.help) + " |\n";
  }
  for (const Section& section : sections()) {
    text += "\n## " + section.name + "\n\n" + section.help + "\n\n";
    text += "| key | default | allowed | affects | meaning |\n|---|---|---|---|---|\n";
    for (const Key& key : schema()) {
      if (key.section == section.name) text += reference_row(key, defaults);
    }
  }
  return text;
}

}  // namespace datus
