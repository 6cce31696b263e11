// SPDX-License-Identifier: Apache-2.0
#include "cli/plain_files.hpp"

#include <filesystem>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

// Wrong command lines, configurations and places: exit code 2 (or 1 where the system says no), and a message that names
// the culprit.
namespace datus::test {
namespace usage_test {

namespace fs = std::filesystem;

const Launch three_ranks = {.ranks = 3, .limit = std::chrono::seconds(30)};

/// A configuration of one line each, written to `path`.
std::string config_file(const fs::path& path, const std::string& text) {
  write_bytes(path, text);
  return path.string();
}

TEST(Usage, TheCommandLine) {
  EXPECT_EQ(run_program({}).code, 2);
  EXPECT_EQ(run_program({"no-such-command"}).code, 2);
  const Outcome option = run_program({"run", "config.yaml", "--no-such-option"});
  EXPECT_EQ(option.code, 2) << option;
  EXPECT_NE(option.err.find("--no-such-option"), std::string::npos) << option;
  const Outcome incomplete = run_program({"cluster", "--descriptors", "rows.h5"});
  EXPECT_EQ(incomplete.code, 2) << incomplete;
  const Outcome help = run_program({"--help"});
  EXPECT_EQ(help.code, 0) << help;
  for (const char* command : {"run", "extract", "segment", "describe", "cluster", "mask", "evaluate", "apply", "report",
                              "inspect", "clean", "config", "version"}) {
    EXPECT_NE(help.out.find(command), std::string::npos) << command;
  }
}

std::size_t count_in(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

// As any other error: with the program's name, and once for all ranks.
TEST(Usage, AWrongCommandLineIsSaidOnce) {
  for (const Arguments& arguments :
       {Arguments{"rum"}, Arguments{"apply"}, Arguments{"run", "a.yaml", "--no-such-option"},
        Arguments{"run", "a.yaml", "-q", "-v"}}) {
    for (const Outcome& outcome : {run_program(arguments), run_program(arguments, three_ranks)}) {
      expect_refusal(outcome, 2, {"datus: error: Cannot read the command line (", "--help'."});
      EXPECT_EQ(count_in(outcome.err, "Cannot read"), 1U) << outcome;
    }
  }
}

TEST(Usage, EveryCommandHasExamplesAndManners) {
  const std::string help = run_program({"--help"}).out;
  int commands = 0;
  std::istringstream lines(help.substr(help.find("Subcommands:")));
  std::string line;
  for (std::getline(lines, line); std::getline(lines, line) && line.starts_with("  ") && line != "  ";) {
    if (line[2] == ' ') continue;  // goes on from the line before
    const std::string command = line.substr(2, line.find(' ', 2) - 2);
    const Outcome outcome = run_program({command, "--help"});
    EXPECT_EQ(outcome.code, 0) << outcome;
    for (const std::string& part :
         {std::string("Examples:\n  "), "datus " + command, std::string("--quiet"), std::string("Exit codes:")}) {
      EXPECT_NE(outcome.out.find(part), std::string::npos) << part << " of " << command << outcome;
    }
    EXPECT_EQ(outcome.out.find("KEY=VALUE ..."), std::string::npos) << "--set takes one setting" << outcome;
    ++commands;
  }
  EXPECT_EQ(commands, 23);
  EXPECT_NE(run_program({"run", "--help"}).out.find("--set A.B=C --set D.E=F"), std::string::npos);
}

TEST(Usage, DataSetsAreListedAndPrinted) {
  const Outcome list = run_program({"datasets"}, {.ranks = 2});
  ASSERT_EQ(list.code, 0) << list;
  for (const char* line : {"cityscapes       Cityscapes", "\nvoc ", "\nsuim "}) {
    EXPECT_NE(list.out.find(line), std::string::npos) << line << list;
  }
  const Outcome one = run_program({"datasets", "voc"});
  EXPECT_EQ(one.out, bytes_of(source_path("configs/datasets/voc.yaml"))) << one;
  expect_refusal(run_program({"datasets", "vok"}), 2, {"vok", "datus datasets"});
}

TEST(Usage, SetIsGivenOnceForEachSetting) {
  const Outcome both = run_program({"config", "--set", "cluster.k=9", "--set", "run.seed=7"});
  EXPECT_NE(both.out.find("k: [9]"), std::string::npos) << both;
  EXPECT_NE(both.out.find("seed: 7"), std::string::npos) << both;
  expect_refusal(run_program({"version", "--set", "cluster.k=9"}), 2, {"--set"});
  // What follows it is CONFIG.
  const TempFolder folder;
  const std::string config = config_file(folder / "c.yaml", "run: {seed: 5}\n");
  const Outcome before = run_program({"config", "--set", "cluster.k=9", config});
  EXPECT_NE(before.out.find("k: [9]"), std::string::npos) << before;
  EXPECT_NE(before.out.find("seed: 5"), std::string::npos) << before;
}

TEST(Usage, QuietAndVerbose) {
  const TempFolder folder;
  write_test_images(folder / "images", 2);
  write_bytes(folder / "images/other.gif", "");
  const std::string config = config_file(folder / "c.yaml",
                                         "dataset: {images: images}\nsegment: {method: none}\ncluster: {k: 2}\n"
                                         "descriptor: {kind: mean_key}\nmodel: {weights: '" +
                                             tiny_weights() + "'}\n");
  const auto run = [&](const Arguments& more, int ranks) {
    Arguments arguments = tiny_model({"run", config});
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_program(arguments, {.folder = folder.path(), .ranks = ranks});
  };
  const Outcome quiet = run({"-q"}, 0);
  EXPECT_EQ(quiet.code, 0) << quiet;
  EXPECT_EQ(quiet.err, "") << quiet;
  EXPECT_NE(quiet.out.find("report "), std::string::npos) << "results are no talk: " << quiet;
  const Outcome usual = run({}, 0);
  EXPECT_EQ(count_in(usual.err, "1 .gif"), 1U) << usual;
  EXPECT_EQ(count_in(usual.err, "the stage"), 0U) << usual;
  const Outcome verbose = run({"--verbose"}, 2);
  EXPECT_EQ(count_in(verbose.err, "datus: the stage mask begins\n"), 1U) << verbose;
}

TEST(Usage, NoSuchConfiguration) {
  const TempFolder folder;
  const Outcome outcome =
      run_program({"run", "missing.yaml"}, {.folder = folder.path(), .ranks = 3, .limit = std::chrono::seconds(30)});
  expect_refusal(outcome, 2, {"missing.yaml"});
  EXPECT_TRUE(fs::is_empty(folder.path()));
}

TEST(Usage, UnknownKeysAreRefusedWithTheAllowedOnes) {
  const TempFolder folder;
  const std::string config = config_file(folder / "c.yaml", "segment: {min_patches: 3}\ncluster:\n  kk: [3]\n");
  const Outcome in_file = run_program({"run", config, "--run", (folder / "run").string()});
  expect_refusal(in_file, 2, {"kk", "c.yaml:3", "max_iterations", "tolerance"});
  const Outcome in_override = run_program({"config", "--set", "cluster.kk=3"});
  expect_refusal(in_override, 2, {"kk", "max_iterations"});
  const Outcome section = run_program({"config", "--set", "clusters.k=3"});
  expect_refusal(section, 2, {"clusters", "descriptor"});
  EXPECT_FALSE(fs::exists(folder / "run"));
}

TEST(Usage, WrongValuesAreRefusedWithFileAndLine) {
  const TempFolder folder;
  const std::string config =
      config_file(folder / "c.yaml", "run: {seed: 1}\nmodel:\n  input_size: 224\n  resize: tile\n");
  expect_refusal(run_program({"run", config}, {.folder = folder.path()}), 2,
                 {"c.yaml:4", "model.resize", "tile", "squash"});
  expect_refusal(run_program({"run", source_path("configs/demo.yaml").string(), "--set", "cluster.k=0"}), 2,
                 {"cluster.k", "0"});
  expect_refusal(run_program({"run", config_file(folder / "d.yaml", "run: [1, 2\n")}), 2, {"d.yaml"});
  EXPECT_EQ(files_below(folder.path()), (std::vector<std::string>{"c.yaml", "d.yaml"}));
}

TEST(Usage, ARunNeedsImagesAndWeights) {
  const TempFolder folder;
  const std::string config = config_file(folder / "c.yaml", "dataset: {kind: folder}\n");
  const Launch here = {.folder = folder.path()};
  expect_refusal(run_program({"run", config}, here), 2, {"model.weights"});
  expect_refusal(run_program({"run", config, "--set", "model.weights=" + tiny_weights()}, here), 2, {"dataset.images"});
  EXPECT_EQ(files_below(folder.path()), std::vector<std::string>{"c.yaml"});
}

// Below a regular file no folder can be made, whoever the user is.
TEST(Usage, ARunDirectoryThatCannotBeWrittenTo) {
  const TempFolder folder;
  write_bytes(folder / "file", "text");
  const Outcome outcome = run_program(
      {"run", source_path("configs/demo.yaml").string(), "--run", (folder / "file" / "run").string()}, three_ranks);
  expect_refusal(outcome, 1, {(folder / "file" / "run").string(), "--run"});
  EXPECT_EQ(bytes_of(folder / "file"), "text");
}

TEST(Usage, VersionIsAnOptionToo) {
  const Outcome outcome = run_program({"--version"});
  EXPECT_EQ(outcome.code, 0) << outcome;
  EXPECT_TRUE(outcome.out.starts_with("datus ")) << outcome;
  EXPECT_EQ(run_program({"version"}).out.substr(0, outcome.out.size()), outcome.out);
}

// What needs no model does without the library.
TEST(Usage, ALibraryThatCannotBeLoaded) {
  const TempFolder folder;
  const std::string program = (folder / "datus").string();
  std::filesystem::copy_file(program_path(), program);
  write_bytes(folder / "libdatus_transformer.so", "no library");
  EXPECT_EQ(Process({program, "config"}, folder.path()).wait(std::chrono::seconds(60)).code, 0);
  expect_refusal(Process({program, "version"}, folder.path()).wait(std::chrono::seconds(60)), 1,
                 {"runs models cannot be loaded", "libdatus_transformer.so", "of the same version"});
}

TEST(Usage, AnOutputFileThatCannotBeWritten) {
  const TempFolder folder;
  write_test_images(folder / "images", 1);
  const Outcome outcome = run_program(tiny_model({"extract", "--images", (folder / "images").string(), "--weights",
                                                  tiny_weights(), "--out", (folder / "nowhere" / "keys.h5").string()}));
  expect_refusal(outcome, 1, {"nowhere"});
}

// Known before anything is read: the other files named here do not exist.
TEST(Usage, AnOutputPathIsTriedFirst) {
  const TempFolder folder;
  fs::create_directory(folder / "made");
  const auto refuse = [&](const Arguments& arguments, int ranks) {
    const Outcome outcome =
        run_program(arguments, {.folder = folder.path(), .ranks = ranks, .limit = std::chrono::seconds(30)});
    expect_refusal(outcome, 1, {"Cannot write made (it is a folder)"});
  };
  refuse({"extract", "--images", "none", "--weights", "none.pth", "--out", "made"}, 0);
  refuse({"segment", "--keys", "none.h5", "--out", "made"}, 0);
  refuse({"describe", "--images", "none", "--segments", "none.h5", "--weights", "none.pth", "--out", "made"}, 0);
  refuse({"cluster", "--descriptors", "none.h5", "--k", "3", "--out", "made"}, 3);
  refuse({"cluster", "--assign", "none.h5", "--centroids", "none.h5:/x", "--out", "made"}, 0);
  refuse({"evaluate", "--predictions", "none", "--truth", "none", "--json", "made"}, 0);
  EXPECT_EQ(folder.names(), std::vector<std::string>{"made"});
}

// Without a word of datus the signal would end it.
TEST(Usage, ALimitOfFileSizesIsAnError) {
  const TempFolder folder;
  write_test_images(folder / "images", 4);
  const std::string out = (folder / "keys.h5").string();
  Arguments arguments = {"-c", "ulimit -f 8; exec \"$0\" \"$@\""};
  arguments.insert(arguments.begin(), "/bin/sh");
  for (const std::string& word : command_line(tiny_model(
           {"extract", "--images", (folder / "images").string(), "--weights", tiny_weights(), "--out", out}))) {
    arguments.push_back(word);
  }
  expect_refusal(Process(arguments, folder.path()).wait(std::chrono::seconds(60)), 1,
                 {"File too large", "the limit of this process is 4.00 KiB", "ulimit -f unlimited"});
  EXPECT_EQ(folder.names(), std::vector<std::string>{"images"});
}

TEST(Usage, OutputThatCannotBeWrittenIsAnError) {
  const TempFolder folder;
  const std::string config = source_path("configs/demo.yaml").string();
  for (const Arguments& command :
       {Arguments{"config", config}, {"version"}, {"--version"}, {"--help"}, {"plan", "--help"}}) {
    Arguments arguments = {"/bin/sh", "-c", "exec \"$0\" \"$@\" >/dev/full"};
    for (const std::string& word : command_line(command)) arguments.push_back(word);
    expect_refusal(Process(arguments, folder.path()).wait(std::chrono::seconds(60)), 1,
                   {"Cannot write to standard output"});
  }
}

TEST(Usage, LinksThatLeadInACircleAreBadInput) {
  const TempFolder folder;
  fs::create_symlink("round", folder / "round");
  const std::string config = source_path("configs/demo.yaml").string();
  const std::string out = (folder / "out.h5").string();
  const std::string round = (folder / "round").string();
  const std::vector<Arguments> commands = {{"extract", "--images", round, "--weights", tiny_weights(), "--out", out},
                                           {"segment", "--keys", round, "--out", out},
                                           {"inspect", round},
                                           {"run", config, "--set", "dataset.images=" + round, "--run", out},
                                           {"run", config, "--run", round}};
  for (const Arguments& command : commands) {
    expect_refusal(run_program(command), 3, {round, "symbolic links"});
  }
  expect_refusal(run_program(commands[3], {.ranks = 2}), 3, {round, "symbolic links"});
}

TEST(Usage, MemoryThatIsNotThereIsAMessage) {
  const TempFolder folder;
  const std::string keys = (folder / "keys.h5").string();
  constexpr std::int64_t patches = 128 * 128;
  constexpr std::int64_t dim = 512;
  write_hdf5(folder / "one.h5", [](Hdf5Writer& writer) {
    writer.write<float>("x", std::vector<float>(static_cast<std::size_t>(patches * dim)), {1, patches, dim});
  });
  write_hdf5(keys, [](Hdf5Writer& writer) {
    const std::vector<VirtualSource> images(16, {.file = "one.h5", .dataset = "/x", .rows = 1});
    writer.write_virtual("keys", Dtype::f32, {patches, dim}, images);
  });
  Arguments arguments = {"/bin/sh", "-c", "ulimit -v 700000; exec \"$0\" \"$@\""};
  for (const std::string& word : command_line({"segment", "--keys", keys, "--out", (folder / "s.h5").string()})) {
    arguments.push_back(word);
  }
  expect_refusal(Process(arguments, folder.path()).wait(std::chrono::seconds(60)), 1,
                 {"out of memory", "this rank asked for ", "iB more"});
}

// A dataset that cannot be used does not hide the others.
TEST(Usage, InspectListsEveryDataset) {
  const TempFolder folder;
  const auto write = [&](const char* name) {
    write_hdf5(folder / name, [](Hdf5Writer& writer) { writer.write<float>("x", std::vector<float>{1, 2}, {2, 1}); });
  };
  write("source.h5");
  write_hdf5(folder / "all.h5", [](Hdf5Writer& writer) {
    writer.write<float>("near", std::vector<float>{1, 2}, {2, 1});
    const std::vector<VirtualSource> sources = {{.file = "source.h5", .dataset = "/x", .rows = 2}};
    writer.write_virtual("far", Dtype::f32, {1}, sources);
  });
  const Launch here = {.folder = folder.path()};
  const Outcome whole = run_program({"inspect", "all.h5"}, here);
  EXPECT_EQ(whole.code, 0) << whole;
  EXPECT_NE(whole.out.find("  /far  [2, 1] f32\n  /near  [2, 1] f32\n"), std::string::npos) << whole;
  std::filesystem::remove(folder / "source.h5");
  const Outcome parted = run_program({"inspect", "all.h5"}, here);
  EXPECT_EQ(parted.code, 3) << parted;
  EXPECT_NE(parted.out.find("  /far  cannot be used: "), std::string::npos) << parted;
  EXPECT_NE(parted.out.find("source.h5"), std::string::npos) << parted;
  EXPECT_NE(parted.out.find("  /near  [2, 1] f32\n"), std::string::npos) << parted;
}

TEST(Usage, ConfigPrintsWhatItWouldUse) {
  const TempFolder folder;
  const Outcome first = run_program({"config", "--set", "cluster.k=[9,4]", "--run", "here"});
  ASSERT_EQ(first.code, 0) << first;
  EXPECT_NE(first.out.find("[4, 9]"), std::string::npos) << first;
  const Outcome again = run_program({"config", config_file(folder / "c.yaml", first.out)});
  EXPECT_EQ(again.out, first.out);
}

// Whatever YAML or a shell would make of it; `datus config` writes it as YAML.
TEST(Usage, APathOfTheCommandLineIsTakenAsItIs) {
  for (const auto& [name, yaml] :
       std::vector<std::pair<std::string, std::string>>{{"a\nb", R"("a\x0ab")"},
                                                        {"a \r\n b ", R"("a \x0d\x0a b ")"},
                                                        {"it's \"c\"", R"("it's \"c\"")"},
                                                        {R"(back\slash\n)", R"("back\\slash\\n")"},
                                                        {"$HOME", R"("$$HOME")"},
                                                        {"~", R"("./~")"},
                                                        {"a: b #c", R"("a: b #c")"}}) {
    const Outcome outcome = run_program({"config", "--run", name});
    EXPECT_NE(outcome.out.find("\n  directory: " + yaml + "\n"), std::string::npos) << yaml << ": " << outcome;
  }
}

}  // namespace usage_test
}  // namespace datus::test
