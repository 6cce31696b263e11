// SPDX-License-Identifier: Apache-2.0
#include "config/schema.hpp"
#include "support/places.hpp"
#include "unit/config/config_files.hpp"

#include <sstream>

namespace datus::test {
namespace dump_test {

class DumpConfig : public ConfigFiles {
 protected:
  /// The dump, written to a folder of its own and loaded from there.
  [[nodiscard]] Config round_trip(const Config& config, bool comments) const {
    return load_config(write("elsewhere/config.yaml", dump_config(config, comments)), {});
  }
};

TEST_F(DumpConfig, LoadsBackToAnEqualConfiguration) {
  const std::vector<Overrides> cases = {
      {},
      {"preset=patch-kmeans", "segment.method=louvain"},
      {"run.directory='../a b/c: d'", "dataset.images=a #1", "dataset.images='it''s #1: \"x\" \\ [é]'"},
      {"model.branch=12", "dataset.split='null'", "dataset.classes='27'"},
      {"model.branch='~'", "dataset.split=yes", "dataset.classes=27", "model.weights=\"tab\\tline\\nend\\x7f\""},
      {"model.mean=[0.1, 0.30000000000000004, 1e-300]", "model.eps=1e-6", "affinity.threshold=0.1"},
      {"model.input_size=[32, 64]", "cluster.k=[9, 8]", "evaluate.protocols=[many_to_one, strict]"},
      {"cluster.init=file", "cluster.centroids=a:/b.h5:/k027/centroids", "descriptor.weights=w"},
      {"affinity.quantile=1", "model.layer=-2147483648", "run.seed=18446744073709551615"},
  };
  for (const Overrides& overrides : cases) {
    const Config config = default_config(overrides);
    for (const bool comments : {false, true})
      EXPECT_EQ(round_trip(config, comments), config) << dump_config(config, false);
  }
}

TEST_F(DumpConfig, MemorySizesRoundTrip) {
  const Key& memory = *find_key("cluster.memory");
  const auto read = [&](const std::string& text) {
    Config config;
    EXPECT_TRUE(memory.read(config, RawValue{{{text, false}}, false, "", {}})) << text;
    return config;
  };
  EXPECT_EQ(read("256MiB").cluster.memory, 268435456);
  EXPECT_EQ(read("4GiB").cluster.memory, 4294967296);
  EXPECT_EQ(read("1000").cluster.memory, 1000);
  EXPECT_EQ(memory.write(read("268435456")), "256MiB");
  EXPECT_EQ(memory.write(read("1023TiB")), "1023TiB");
  EXPECT_EQ(memory.write(read("1001")), "1001");
  EXPECT_EQ(memory.write(read("auto")), "auto");
}

TEST_F(DumpConfig, CommentsAreTheOnlyDifference) {
  std::istringstream lines(dump_config(Config{}, true));
  std::string without;
  std::size_t comments = 0;
  for (std::string line; std::getline(lines, line);) {
    const std::size_t start = line.find_first_not_of(' ');
    EXPECT_LE(line.size(), 100U) << line;
    if (start == std::string::npos) continue;
    if (line[start] == '#') {
      ++comments;
    } else {
      without += line + "\n";
    }
  }
  EXPECT_EQ(without, dump_config(Config{}, false));
  EXPECT_GT(comments, schema().size());
}

TEST_F(DumpConfig, HashIgnoresPathsAndSpelling) {
  const Config plain = default_config(Overrides{"cluster.k=[3, 5]", "model.input_size=224", "cluster.tolerance=0.001"});
  const Config other = default_config(Overrides{"cluster.k=[5, 3]", "model.input_size=[224, 224]",
                                                "cluster.tolerance=1e-3", "model.weights=/x", "dataset.images=/y",
                                                "descriptor.weights=/z", "dataset.list=/l", "run.directory=/r"});
  for (const Stage stage : all_stages) EXPECT_EQ(settings_hash(plain, stage), settings_hash(other, stage));
  const Config here = default_config(Overrides{"dataset.classes=/a/names.json"});
  const Config there = default_config(Overrides{"dataset.classes=/b/names.json"});
  EXPECT_EQ(settings_hash(here, Stage::evaluate), settings_hash(there, Stage::evaluate));
  const Config map = default_config(Overrides{"dataset.label_map=/a/map.json"});
  const Config other_map = default_config(Overrides{"dataset.label_map=/b/map.json"});
  EXPECT_EQ(settings_hash(map, Stage::evaluate), settings_hash(other_map, Stage::evaluate));
  EXPECT_NE(settings_hash(map, Stage::evaluate), settings_hash(Config{}, Stage::evaluate));
}

TEST_F(DumpConfig, SettingsTextIsCanonical) {
  EXPECT_EQ(settings_text(Config{}, Stage::segment),
            "affinity.metric: dot\naffinity.weights: sign\naffinity.temperature: 0.1\naffinity.center: "
            "none\naffinity.threshold: 0\n"
            "affinity.quantile: null\nsegment.method: louvain\nsegment.resolution: "
            "1\nsegment.min_patches: 5\n"
            "segment.connectivity: 8\n");
}

TEST(ConfigurationPage, HoldsTheReferenceOfTheSchema) {
  const std::filesystem::path path = source_path("docs/configuration.md");
  std::ifstream stream(path, std::ios::binary);
  ASSERT_TRUE(stream.is_open()) << path;
  const std::string page{std::istreambuf_iterator<char>(stream), {}};
  const std::string marker = "<!-- generated -->\n";
  const std::size_t start = page.find(marker);
  ASSERT_NE(start, std::string::npos) << path << " lacks the line " << marker;
  const std::string expected = page.substr(0, start + marker.size()) + config_reference_markdown();
  if (page == expected) return;
  const std::string proposal = testing::TempDir() + "configuration.md";
  std::ofstream(proposal, std::ios::binary) << expected;
  ADD_FAILURE() << "docs/configuration.md is not what the keys say; copy " << proposal << " over it";
}

}  // namespace dump_test
}  // namespace datus::test
