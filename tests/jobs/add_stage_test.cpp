// SPDX-License-Identifier: Apache-2.0
#include "cli/plain_files.hpp"
#include "datus/comm/self_communicator.hpp"
#include "jobs/command.hpp"
#include "support/temp_folder.hpp"

#include <filesystem>
#include <string>

// The subcommand that a stage gets which has none of its own: what the next stage begins with.
namespace datus::test {
namespace add_stage_test {

namespace fs = std::filesystem;

TEST(AddStage, GivesAStageItsCommand) {
  const TempFolder folder;
  write_test_images(folder / "images", 2);
  write_bytes(folder / "mine.yaml",
              "dataset: {images: images}\nmodel: {weights: '" + tiny_weights() + "', heads: 2, input_size: 32}\n");
  CLI::App program;
  const jobs::Command command = jobs::add_stage(program, Stage::extract);
  EXPECT_EQ(command.parser->get_name(), "extract");
  program.parse("extract " + (folder / "mine.yaml").string() + " --run " + (folder / "run").string() +
                " --set dataset.shard_size=1");
  ASSERT_TRUE(command.parser->parsed());
  SelfCommunicator comm;
  EXPECT_EQ(command.body(comm), ExitCode::done);
  EXPECT_TRUE(fs::exists(folder / "run/keys/000001.h5"));
  EXPECT_FALSE(fs::exists(folder / "run/segments.h5"));
}

TEST(AddStage, NeedsAConfiguration) {
  CLI::App program;
  const jobs::Command command = jobs::add_stage(program, Stage::describe);
  program.parse("describe");
  SelfCommunicator comm;
  try {
    (void)command.body(comm);
    FAIL() << "nothing was refused";
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), ExitCode::usage);
    EXPECT_NE(std::string(error.what()).find("'datus describe' has nothing to work on"), std::string::npos);
  }
}

}  // namespace add_stage_test
}  // namespace datus::test
