// SPDX-License-Identifier: Apache-2.0
#include "command.hpp"

#include <algorithm>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

namespace datus::jobs {
namespace {

/// An option that a shell may complete.
struct Choice {
  std::vector<std::string> flags;  ///< "-q", "--quiet"
  std::string about;
  bool takes_value = false;
  std::vector<std::string> values;  ///< those allowed, where they are few
};

/// The words of "TEXT:{list,get,path}".
std::vector<std::string> values_of(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  const auto begin = type.find('{');
  const auto end = type.find('}', std::min(begin, type.size()));
  std::vector<std::string> values;
  if (begin == std::string::npos || end == std::string::npos) return values;
  std::string word;
  for (std::size_t i = begin + 1; i <= end; ++i) {
    if (type[i] != ',' && type[i] != '}') {
      word += type[i];
    } else if (!word.empty()) {
      // A renamed value is written as "link->0".
      values.push_back(word.substr(0, word.find("->")));
      word.clear();
    }
  }
  return values;
}

std::vector<Choice> choices_of(const CLI::App& command) {
  std::vector<Choice> choices;
  for (const CLI::Option* option : command.get_options()) {
    Choice choice{{}, option->get_description(), option->get_items_expected_max() != 0, values_of(*option)};
    for (const std::string& name : option->get_snames()) choice.flags.push_back("-" + name);
    for (const std::string& name : option->get_lnames()) choice.flags.push_back("--" + name);
    choices.push_back(choice);
  }
  return choices;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

/// Within single quotes, for shells that take '\'' for a quote; without the characters that zsh's _arguments reads.
std::string quoted(const std::string& text, const std::string& left_out = "") {
  std::string result = "'";
  for (const char c : text) {
    if (left_out.find(c) != std::string::npos) continue;
    result += c == '\'' ? std::string("'\\''") : std::string(1, c);
  }
  return result + "'";
}

std::string bash_script(const CLI::App& program) {
  std::vector<std::string> names;
  std::string cases;
  for (const CLI::App* command : subcommands_of(program)) {
    names.push_back(command->get_name());
    std::vector<std::string> flags;
    std::string values;
    for (const Choice& choice : choices_of(*command)) {
      flags.insert(flags.end(), choice.flags.begin(), choice.flags.end());
      if (choice.values.empty()) continue;
      if (choice.flags.empty()) flags.insert(flags.end(), choice.values.begin(), choice.values.end());
      for (const std::string& flag : choice.flags) {
        values += "        " + flag + ") words=" + quoted(joined(choice.values)) + " ;;\n";
      }
    }
    cases += "    " + command->get_name() + ")\n      words=" + quoted(joined(flags)) + "\n";
    if (!values.empty()) cases += "      case $before in\n" + values + "      esac\n";
    cases += "      ;;\n";
  }
  return "# Completion of datus for bash: source it, or put it as 'datus' into a folder of bash-completion.\n"
         "_datus() {\n"
         "  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} words=''\n"
         "  if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
         "    words=" +
         quoted(joined(names) + " --help --version") +
         "\n"
         "  else\n"
         "    case ${COMP_WORDS[1]} in\n" +
         cases +
         "    esac\n"
         "  fi\n"
         "  mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$word\")\n"
         "}\n"
         "complete -o bashdefault -o default -F _datus datus\n";
}

std::string zsh_script(const CLI::App& program) {
  const std::string special = "[]:";
  std::string names;
  std::string cases;
  for (const CLI::App* command : subcommands_of(program)) {
    names += "    " + quoted(command->get_name() + ":" + command->get_description()) + "\n";
    std::string arguments;
    for (const Choice& choice : choices_of(*command)) {
      const std::string value = choice.values.empty() ? ":value:_files" : ":value:(" + joined(choice.values) + ")";
      if (choice.flags.empty() && !choice.values.empty())
        arguments += " " + quoted(":value:(" + joined(choice.values) + ")");
      for (const std::string& flag : choice.flags) {
        arguments += " \\\n        '*" + flag + "['" + quoted(choice.about, special) + "']" +
                     (choice.takes_value ? value : "") + "'";
      }
    }
    cases += "    " + command->get_name() + ")\n      _arguments" + arguments + " '*:file:_files'\n      ;;\n";
  }
  return "#compdef datus\n"
         "# Completion of datus for zsh: put it as '_datus' into a folder of $fpath, or source it.\n"
         "_datus() {\n"
         "  local -a commands=(\n" +
         names +
         "  )\n"
         "  if (( CURRENT == 2 )); then\n"
         "    _describe command commands\n"
         "    return\n"
         "  fi\n"
         "  local command=$words[2]\n"
         "  shift words\n"
         "  (( CURRENT-- ))\n"
         "  case $command in\n" +
         cases +
         "  esac\n"
         "}\n"
         "if [ \"$funcstack[1]\" = _datus ]; then _datus \"$@\"; else compdef _datus datus; fi\n";
}

std::string fish_script(const CLI::App& program) {
  std::string lines = "# Completion of datus for fish: put it as datus.fish into ~/.config/fish/completions.\n";
  for (const CLI::App* command : subcommands_of(program)) {
    const std::string name = command->get_name();
    lines +=
        "complete -c datus -f -n __fish_use_subcommand -a " + name + " -d " + quoted(command->get_description()) + "\n";
    for (const Choice& choice : choices_of(*command)) {
      if (choice.flags.empty() && choice.values.empty()) continue;
      lines += "complete -c datus -n '__fish_seen_subcommand_from " + name + "'";
      for (const std::string& flag : choice.flags) {
        lines += flag.starts_with("--") ? " -l " + flag.substr(2) : " -s " + flag.substr(1);
      }
      if (!choice.values.empty()) lines += " -x -a " + quoted(joined(choice.values));
      if (choice.values.empty() && choice.takes_value) lines += " -r";
      lines += " -d " + quoted(choice.about) + "\n";
    }
  }
  return lines;
}

std::string script_for(const CLI::App& program, const std::string& shell) {
  if (shell == "bash") return bash_script(program);
  return shell == "zsh" ? zsh_script(program) : fish_script(program);
}

}  // namespace

Command add_completion(CLI::App& program) {
  CLI::App* parser =
      program.add_subcommand("completion", "Print a script that completes commands and options in a shell");
  auto shell = std::make_shared<std::string>();
  parser->add_option("SHELL", *shell, "bash, zsh or fish")->check(CLI::IsMember({"bash", "zsh", "fish"}))->required();
  return {parser, [shell, &program](Communicator& comm) {
            if (comm.rank() == 0) std::cout << script_for(program, *shell) << std::flush;
            return ExitCode::done;
          }};
}

}  // namespace datus::jobs
