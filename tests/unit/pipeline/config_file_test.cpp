// SPDX-License-Identifier: Apache-2.0
#include "pipeline/files/config_file.hpp"

#include "support/temp_folder.hpp"

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace datus::test {
namespace run_record_test {

RunInputs some_inputs() {
  RunInputs inputs;
  inputs.images = {1, 2};
  inputs.weights = Hash{0xfedcba9876543210, 0x0123456789abcdef};
  inputs.centroids = Hash{0, 7};
  inputs.backend = "cpu AVX2, LibTorch 1.13.0, OpenBLAS Haswell";
  return inputs;
}

Config some_config() {
  const std::vector<std::string> overrides = {"run.directory=runs/a b", "cluster.k=[3,5]", "run.seed=7"};
  return default_config(overrides);
}

TEST(ConfigFileRecord, TheFirstLinesAreAsDocumented) {
  const std::string text = config_file_text(some_config(), some_inputs());
  const std::string begin =
      "# backend: cpu AVX2, LibTorch 1.13.0, OpenBLAS Haswell\n"
      "# inputs: weights=fedcba98765432100123456789abcdef descriptor_weights=none "
      "centroids=00000000000000000000000000000007\n"
      "# hash: ";
  EXPECT_EQ(text.substr(0, begin.size()), begin);
  EXPECT_EQ(text.substr(begin.size() + 32), "\n" + dump_config(some_config(), false));
  EXPECT_EQ(text, config_file_text(some_config(), some_inputs()));
}

TEST(ConfigFileRecord, IsReadBack) {
  const TempFolder folder;
  write_bytes(folder / "config.yaml", config_file_text(some_config(), some_inputs()));
  const auto record = read_config_file_record(folder / "config.yaml");
  ASSERT_TRUE(record);
  EXPECT_TRUE(record->intact);
  EXPECT_EQ(record->inputs.backend, some_inputs().backend);
  EXPECT_EQ(record->inputs.weights, some_inputs().weights);
  EXPECT_EQ(record->inputs.descriptor_weights, std::nullopt);
  EXPECT_EQ(record->inputs.centroids, some_inputs().centroids);
  EXPECT_EQ(record->inputs.images, Hash{});
}

TEST(ConfigFileRecord, IsAConfigurationWithTheSameSettings) {
  const TempFolder folder;
  write_bytes(folder / "config.yaml", config_file_text(some_config(), some_inputs()));
  EXPECT_EQ(load_config(folder / "config.yaml", {}), some_config());
}

TEST(ConfigFileRecord, AFlippedBitInAnyByteIsSeen) {
  const TempFolder folder;
  const std::string text = config_file_text(some_config(), some_inputs());
  for (std::size_t at = 0; at < text.size(); ++at) {
    std::string changed = text;
    changed[at] = static_cast<char>(static_cast<unsigned char>(changed[at]) ^ (1U << (at % 8)));
    write_bytes(folder / "config.yaml", changed);
    const auto record = read_config_file_record(folder / "config.yaml");
    ASSERT_FALSE(record && record->intact) << "byte " << at;
  }
}

TEST(ConfigFileRecord, EveryTruncationAndAnAddedByteAreSeen) {
  const TempFolder folder;
  const std::string text = config_file_text(some_config(), some_inputs());
  for (std::size_t size = 0; size < text.size(); size += size < 300 ? 1 : 11) {
    write_bytes(folder / "config.yaml", text.substr(0, size));
    const auto record = read_config_file_record(folder / "config.yaml");
    ASSERT_FALSE(record && record->intact) << size << " bytes";
  }
  write_bytes(folder / "config.yaml", text + "\n");
  EXPECT_FALSE(read_config_file_record(folder / "config.yaml")->intact);
}

TEST(ConfigFileRecord, ExchangedInputsAreSeen) {
  const TempFolder folder;
  std::string text = config_file_text(some_config(), some_inputs());
  const auto weights = text.find("weights=");
  const auto other = text.find("descriptor_weights=");
  text.replace(other, std::string("descriptor_weights=none").size(), "");
  text.insert(weights, "descriptor_weights=none ");
  write_bytes(folder / "config.yaml", text);
  EXPECT_FALSE(read_config_file_record(folder / "config.yaml")->intact);
}

TEST(ConfigFileRecord, WithoutBackendLineThereIsNone) {
  const TempFolder folder;
  EXPECT_FALSE(read_config_file_record(folder / "config.yaml"));
  write_bytes(folder / "config.yaml", dump_config(some_config(), false));
  EXPECT_FALSE(read_config_file_record(folder / "config.yaml"));
  write_bytes(folder / "empty.yaml", "");
  EXPECT_FALSE(read_config_file_record(folder / "empty.yaml"));
  // The standard library's streams open a folder and throw when it is read.
  std::filesystem::create_directory(folder / "folder.yaml");
  EXPECT_FALSE(read_config_file_record(folder / "folder.yaml"));
}

// As versions before this one wrote it: the backend counts, the rest is not known.
TEST(ConfigFileRecord, WithTheBackendLineAloneItIsNotIntact) {
  const TempFolder folder;
  write_bytes(folder / "config.yaml", "# backend: cpu\n" + dump_config(some_config(), false));
  const auto record = read_config_file_record(folder / "config.yaml");
  ASSERT_TRUE(record);
  EXPECT_EQ(record->inputs.backend, "cpu");
  EXPECT_FALSE(record->intact);
}

TEST(ConfigFileRecord, ABackendOfTwoLinesStaysOneLine) {
  const TempFolder folder;
  RunInputs inputs = some_inputs();
  inputs.backend = "cpu\npreset: other";
  write_bytes(folder / "config.yaml", config_file_text(some_config(), inputs));
  EXPECT_EQ(read_config_file_record(folder / "config.yaml")->inputs.backend, "cpu preset: other");
  EXPECT_EQ(load_config(folder / "config.yaml", {}), some_config());
}

}  // namespace run_record_test
}  // namespace datus::test
