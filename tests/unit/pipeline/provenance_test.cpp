// SPDX-License-Identifier: Apache-2.0
#include "pipeline/files/provenance.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace datus::test {
namespace provenance_test {

RunInputs some_inputs() {
  RunInputs inputs;
  inputs.images = {1, 2};
  inputs.weights = Hash{3, 4};
  inputs.backend = "cpu";
  return inputs;
}

Config config_with(const std::vector<std::string>& overrides) {
  return load_config(std::nullopt, overrides);
}

/// The first stage whose record differs; every stage after it must differ and none before. Nothing: all are equal.
std::optional<Stage> first_changed(const Provenance& one, const Provenance& other) {
  std::optional<Stage> first;
  for (const Stage stage : all_stages) {
    const bool differs = one.of(stage).hash() != other.of(stage).hash();
    if (differs && !first) first = stage;
    EXPECT_EQ(differs, first.has_value()) << stage_name(stage);
  }
  return first;
}

struct Change {
  const char* setting;
  std::optional<Stage> stage;
};

TEST(Provenance, ASettingChangesItsStageAndThoseAfterIt) {
  const Provenance before(config_with({}), some_inputs());
  const std::vector<Change> changes = {
      {"model.input_size=448", Stage::extract},
      {"model.feature=token", Stage::extract},
      {"model.batch_size=4", Stage::extract},
      {"dataset.shard_size=5", Stage::extract},
      {"storage.embeddings=float32", Stage::extract},
      {"affinity.center=image", Stage::segment},
      {"segment.min_patches=6", Stage::segment},
      {"descriptor.kind=mean_key", Stage::describe},
      {"descriptor.crop_size=112", Stage::describe},
      {"cluster.k=[5]", Stage::cluster},
      {"cluster.tolerance=0", Stage::cluster},
      {"run.seed=1", Stage::cluster},
      {"mask.resolution=grid", Stage::mask},
      {"evaluate.protocols=[strict]", Stage::evaluate},
      {"dataset.void=7", Stage::evaluate},
      {"run.directory=/elsewhere", std::nullopt},
      {"run.grace=5", std::nullopt},
      {"model.device=cpu", std::nullopt},
      {"model.cuda_graphs=true", std::nullopt},
      {"dataset.on_unreadable=skip", std::nullopt},
      {"dataset.images=/elsewhere", std::nullopt},
      {"model.weights=/elsewhere", std::nullopt},
  };
  for (const auto& [setting, stage] : changes) {
    SCOPED_TRACE(setting);
    EXPECT_EQ(first_changed(before, Provenance(config_with({setting}), some_inputs())), stage);
  }
}

TEST(Provenance, AnInputChangesTheStageThatReadsItAndThoseAfterIt) {
  const Config config = config_with({});
  const Provenance before(config, some_inputs());
  const auto changed = [&](auto change) {
    RunInputs inputs = some_inputs();
    change(inputs);
    return first_changed(before, Provenance(config, inputs));
  };
  EXPECT_EQ(changed([](RunInputs& inputs) { inputs.images.low = 9; }), Stage::extract);
  EXPECT_EQ(changed([](RunInputs& inputs) { inputs.weights = Hash{}; }), Stage::extract);
  EXPECT_EQ(changed([](RunInputs& inputs) { inputs.weights = std::nullopt; }), Stage::extract);
  EXPECT_EQ(changed([](RunInputs& inputs) { inputs.backend = "another"; }), Stage::extract);
  EXPECT_EQ(changed([](RunInputs& inputs) { inputs.descriptor_weights = Hash{5, 6}; }), Stage::describe);
  EXPECT_EQ(changed([](RunInputs& inputs) { inputs.centroids = Hash{5, 6}; }), Stage::cluster);
  EXPECT_EQ(changed([](RunInputs&) {}), std::nullopt);
}

TEST(Provenance, TheMeanOfTheDataSetCountsWhereSegmentsTakeIt) {
  RunInputs inputs = some_inputs();
  inputs.dataset_mean = Hash{7, 8};
  for (const auto& [setting, stage] : {std::pair{"affinity.center=image", std::optional<Stage>()},
                                       {"affinity.center=dataset", std::optional(Stage::segment)}}) {
    const Config config = config_with({setting});
    EXPECT_EQ(first_changed(Provenance(config, some_inputs()), Provenance(config, inputs)), stage) << setting;
  }
}

TEST(Provenance, AShardIsMadeFromItsOwnImages) {
  ImageList list;
  list.shard_size = 2;
  for (const char* name : {"a.jpg", "b.jpg", "c.jpg", "d.jpg"}) list.images.push_back({name, 10, 4, 3});
  RunInputs inputs = some_inputs();
  inputs.set_images(list);
  list.images[3].bytes = 11;
  RunInputs changed = inputs;
  changed.set_images(list);
  const Provenance before(config_with({}), inputs);
  const Provenance after(config_with({}), changed);
  for (const Stage stage : {Stage::extract, Stage::segment, Stage::describe}) {
    SCOPED_TRACE(stage_name(stage));
    EXPECT_EQ(before.of(stage).of_shard({0}).hash(), after.of(stage).of_shard({0}).hash());
    EXPECT_NE(before.of(stage).of_shard({1}).hash(), after.of(stage).of_shard({1}).hash());
    EXPECT_NE(before.of(stage).of_shard({0}).hash(), before.of(stage).of_shard({1}).hash());
  }
  // What is made of all shards is made from all images.
  EXPECT_EQ(first_changed(before, after), Stage::extract);
  EXPECT_NE(before.of(Stage::mask, 5).hash(), after.of(Stage::mask, 5).hash());
}

TEST(Provenance, OtherValuesOfKDoNotMatterToOne) {
  const Provenance one(config_with({"cluster.k=[5]"}), some_inputs());
  const Provenance several(config_with({"cluster.k=[3,5,9]"}), some_inputs());
  for (const Stage stage : {Stage::cluster, Stage::mask, Stage::evaluate}) {
    EXPECT_EQ(one.of(stage, 5).hash(), several.of(stage, 5).hash()) << stage_name(stage);
    EXPECT_NE(one.of(stage, 5).hash(), several.of(stage, 3).hash()) << stage_name(stage);
  }
}

TEST(Provenance, EveryPartAndItsNameCountsInTheHash) {
  const StageProvenance record{"mask", {{"a", "b"}, {"c", "d"}}};
  EXPECT_EQ(record.hash(), (StageProvenance{"mask", {{"c", "d"}, {"a", "b"}}}.hash()));
  EXPECT_NE(record.hash(), (StageProvenance{"other", {{"a", "b"}, {"c", "d"}}}.hash()));
  EXPECT_NE(record.hash(), (StageProvenance{"mask", {{"a", "bc"}, {"", "d"}}}.hash()));
  EXPECT_NE(record.hash(), (StageProvenance{"mask", {{"a", "b"}}}.hash()));
}

TEST(Provenance, ADifferenceIsTold) {
  const auto text = [](const std::vector<std::string>& overrides, Stage stage, const RunInputs& inputs) {
    const Provenance now(config_with({}), some_inputs());
    return describe_difference(Provenance(config_with(overrides), inputs).of(stage).parts, now.of(stage));
  };
  EXPECT_EQ(text({}, Stage::extract, some_inputs()), "");
  EXPECT_EQ(text({"segment.min_patches=9"}, Stage::segment, some_inputs()), "segment.min_patches: 9 became 5");
  EXPECT_EQ(text({"segment.min_patches=9"}, Stage::describe, some_inputs()), "the stage before it changed");
  RunInputs inputs = some_inputs();
  inputs.weights = Hash{};
  inputs.backend = "another";
  EXPECT_EQ(text({}, Stage::extract, inputs), "other backend; other weights");
  const Provenance now(config_with({}), some_inputs());
  EXPECT_NE(describe_difference({}, now.of(Stage::mask)).find("no record of its settings"), std::string::npos);
}

}  // namespace provenance_test
}  // namespace datus::test
