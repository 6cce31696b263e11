// SPDX-License-Identifier: Apache-2.0
#include "command.hpp"
#include "datus/core/text.hpp"
#include "datus/core/version.hpp"

#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace datus::jobs {
namespace {

/// Text in the language of man(7): hyphens that are copied as such, and no line that begins with a command.
std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if ((result.empty() || result.back() == '\n') && (c == '.' || c == '\'')) result += "\\&";
    if (c == '\\') {
      result += "\\e";
    } else if (c == '-') {
      result += "\\-";
    } else {
      result += c;
    }
  }
  return result;
}

std::string section(const std::string& title, const std::string& text) {
  return text.empty() ? text : ".SH " + title + "\n" + text + (text.ends_with('\n') ? "" : "\n");
}

/// Lines as they are.
std::string literal(const std::string& text) {
  return text.empty() ? text : ".nf\n" + escaped(text) + (text.ends_with('\n') ? "" : "\n") + ".fi\n";
}

std::string page_name(const CLI::App& command) {
  const CLI::App* const program = command.get_parent();
  return program == nullptr ? "datus" : "datus-" + command.get_name();
}

/// "\fB\-\-set\fR \fIKEY=VALUE\fR".
std::string usage_of(const CLI::Option& option) {
  const std::string value = option.get_items_expected_max() == 0 ? "" : option.get_type_name();
  if (option.get_positional()) return "\\fI" + escaped(option.get_name(true)) + "\\fR";
  std::string text = "\\fB" + escaped(option.get_name(false, true)) + "\\fR";
  if (!value.empty()) text += " \\fI" + escaped(value) + "\\fR";
  return text;
}

std::string options_of(const CLI::App& command) {
  std::string text;
  for (const CLI::Option* option : command.get_options()) {
    text += ".TP\n" + usage_of(*option) + "\n" + escaped(option->get_description()) + "\n";
  }
  return text;
}

std::string synopsis_of(const CLI::App& command) {
  std::string text =
      "\\fB" + escaped(command.get_parent() == nullptr ? "datus" : "datus " + command.get_name()) + "\\fR";
  if (command.get_parent() == nullptr) return text + " \\fICOMMAND\\fR [\\fIOPTIONS\\fR]";
  for (const CLI::Option* option : command.get_options()) {
    if (!option->get_positional() && !option->get_required()) continue;
    text += option->get_required() ? " " + usage_of(*option) : " [" + usage_of(*option) + "]";
  }
  return text + " [\\fIOPTIONS\\fR]";
}

std::string commands_of(const CLI::App& program) {
  std::string text;
  for (const CLI::App* command : subcommands_of(program)) {
    text += ".TP\n\\fB" + escaped(page_name(*command)) + "\\fR(1)\n" + escaped(command->get_description()) + "\n";
  }
  return text;
}

std::string footer_of(const CLI::App& command) {
  constexpr std::string_view title = "Examples:\n";
  const std::string text = command.get_footer();
  return text.starts_with(title) ? text.substr(title.size()) : text;
}

std::string page_of(const CLI::App& command) {
  const bool is_program = command.get_parent() == nullptr;
  std::string about = command.get_description();
  if (is_program && about.starts_with("datus: ")) about.erase(0, std::string_view("datus: ").size());
  return ".TH " + escaped(page_name(command)) + " 1 \"\" \"datus " + version() + "\" \"User commands\"\n" +
         section("NAME", escaped(page_name(command)) + " \\- " + escaped(about)) +
         section("SYNOPSIS", synopsis_of(command)) + section("COMMANDS", commands_of(command)) +
         section("OPTIONS", options_of(command)) +
         section(is_program ? "NOTES" : "EXAMPLES", literal(footer_of(command))) +
         (is_program ? "" : section("SEE ALSO", "\\fBdatus\\fR(1)"));
}

std::string pages_text(const CLI::App& program, const std::string& name) {
  std::string names = page_name(program) + "\n";
  if (name == page_name(program)) return page_of(program);
  for (const CLI::App* command : subcommands_of(program)) {
    if (page_name(*command) == name) return page_of(*command);
    names += page_name(*command) + "\n";
  }
  if (name.empty()) return names;
  throw UsageError("There is no page " + name, "the program has no such command", "'datus manual' lists the pages.");
}

}  // namespace

Command add_manual(CLI::App& program) {
  CLI::App* parser = program.add_subcommand("manual", "Print a page of the manual for man(1), or list the pages");
  auto name = std::make_shared<std::string>();
  parser->add_option("PAGE", *name, "Name of the page, such as datus-run");
  return {parser, [name, &program](Communicator& comm) {
            std::string text;
            collectively(comm, [&] { text = pages_text(program, *name); });
            if (comm.rank() == 0) std::cout << text << std::flush;
            return ExitCode::done;
          }};
}

}  // namespace datus::jobs
