// SPDX-License-Identifier: Apache-2.0
#include "command.hpp"

#include "datus/io/atomic_file.hpp"

#include <memory>

namespace datus::jobs {

void add_overrides(CLI::App& parser, std::vector<std::string>& overrides) {
  parser.add_option("--set", overrides, "Override a setting, section.key=value; for several: --set A.B=C --set D.E=F")
      ->type_name("KEY=VALUE")
      ->expected(1)
      ->take_all()
      ->allow_extra_args(false);
}

void ConfigArguments::add_to(CLI::App& parser) {
  parser.add_option("--config", config, "Configuration file to take settings from")->type_name("FILE");
  add_overrides(parser, overrides);
}

void ConfigArguments::add_run_to(CLI::App& parser) {
  parser.add_option("CONFIG", config, "Configuration file of a run");
  add_changes_to(parser);
}

void ConfigArguments::add_changes_to(CLI::App& parser) {
  add_overrides(parser, overrides);
  parser
      .add_option_function<std::string>(
          "--run", [this](const std::string& directory) { set_path("run.directory", directory); },
          "Run directory (run.directory)")
      ->type_name("DIR");
}

void ConfigArguments::add_options_to(CLI::App& parser) {
  parser.add_flag("--dry-run", options.dry_run, "Print what the run would do and write; change nothing");
  parser.add_flag("--force", options.force, "Start also when the run will not fit on the disk");
}

Config ConfigArguments::load(Communicator& comm) const {
  Config loaded;
  collectively(comm, [&] { loaded = load_config(config, overrides); });
  return loaded;
}

void ConfigArguments::set_path(const std::string& key, const std::string& value) {
  std::string quoted;
  for (const char c : literal_path(value)) {
    if (c == '"' || c == '\\') quoted += '\\';
    // YAML would make a blank of it.
    quoted += c == '\n' ? std::string("\\n") : c == '\r' ? std::string("\\r") : std::string(1, c);
  }
  set(key, "\"" + quoted + "\"");
}

void ConfigArguments::set(const std::string& key, const std::string& yaml) {
  overrides.push_back(key + "=" + yaml);
}

void require_config(const ConfigArguments& arguments, const std::string& command, const std::string& files) {
  if (arguments.config) return;
  throw AgreedError(ExitCode::usage, "'datus " + command + "' has nothing to work on", "neither CONFIG nor plain files",
                    "Give a CONFIG, or " + files + ".");
}

void require_one_rank(const Communicator& comm, const std::string& command) {
  if (comm.size() == 1) return;
  throw AgreedError(ExitCode::usage, "'datus " + command + "' on plain files runs in one process",
                    "it was started on " + std::to_string(comm.size()) + " ranks, which would all write the same file",
                    "Start it without mpirun, or give a CONFIG to share the work.");
}

void require_writable_output(Communicator& comm, const std::filesystem::path& out) {
  on_root(comm, [&] { require_writable(out); });
}

std::vector<const CLI::App*> subcommands_of(const CLI::App& parser) {
  return parser.get_subcommands([](const CLI::App*) { return true; });
}

Command add_stage(CLI::App& program, Stage stage) {
  const std::string name = stage_name(stage);
  CLI::App* parser = program.add_subcommand(name, "The stage " + name + " of a run");
  auto arguments = std::make_shared<ConfigArguments>();
  arguments->add_run_to(*parser);
  arguments->add_options_to(*parser);
  return {parser, [arguments, stage, name](Communicator& comm) {
            require_config(*arguments, name, "the configuration of a run");
            return run_stage(arguments->load(comm), stage, arguments->options, comm);
          }};
}

}  // namespace datus::jobs
