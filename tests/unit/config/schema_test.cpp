// SPDX-License-Identifier: Apache-2.0
#include "config/schema.hpp"

#include "unit/config/config_files.hpp"

#include <map>
#include <set>

namespace datus::test {
namespace schema_test {

/// What is expected of a key.
struct Expected {
  /// As written in the design.
  std::string default_value;
  /// Another value that is allowed, with what else must be set for it; none for a key that has no
  /// second value today.
  Overrides alternative;
  /// Values that are refused.
  std::vector<std::string> wrong;
};

const std::vector<std::string> not_natural = {"-1", "1.5", "many", "\"3\"", "[1]", "99999999999999999999", "null", ""};
const std::vector<std::string> not_positive = {"0", "-1", "1.5", "many", "\"3\"", "[1]", "99999999999999999999", ""};
const std::vector<std::string> not_a_path = {"[a]", "\"\""};

std::vector<std::string> with(std::vector<std::string> values, const std::string& more) {
  values.push_back(more);
  return values;
}

std::map<std::string, Expected> input_keys() {
  return {
      {"preset", {"paper", {"preset=patch-kmeans"}, {"demo", "null", "[paper]"}}},
      {"run.directory", {"runs/default", {"run.directory=elsewhere"}, with(not_a_path, "null")}},
      {"run.seed", {"0", {"run.seed=7"}, not_natural}},
      {"run.grace", {"30", {"run.grace=5"}, not_natural}},
      {"run.mixed_hardware", {"false", {"run.mixed_hardware=true"}, {"0", "maybe", "[false]"}}},
      {"dataset.kind", {"folder", {"dataset.kind=suim"}, {"vok", "CityScapes", "null", "[folder]", "Folder"}}},
      {"dataset.images", {"null", {"dataset.images=/a"}, not_a_path}},
      {"dataset.truth", {"null", {"dataset.truth=/a"}, not_a_path}},
      {"dataset.classes", {"null", {"dataset.classes=5"}, {"0", "-1", "2.5", "99999999999", "[5]", "\"\""}}},
      {"dataset.label_map", {"null", {"dataset.label_map=coco_stuff_15"}, not_a_path}},
      {"dataset.void", {"255", {"dataset.void=0"}, with(not_natural, "65536")}},
      {"dataset.split", {"null", {"dataset.split=val"}, not_a_path}},
      {"dataset.list", {"null", {"dataset.list=/a"}, not_a_path}},
      {"dataset.shard_size", {"auto", {"dataset.shard_size=8"}, not_positive}},
      {"dataset.on_unreadable", {"report", {"dataset.on_unreadable=skip"}, {"stop", "null"}}},
      {"dataset.orientation", {"stored", {"dataset.orientation=exif"}, {"auto", "null"}}},
      {"model.weights", {"null", {"model.weights=/a"}, not_a_path}},
      {"model.input_size",
       {"224", {"model.input_size=[224, 320]"}, {"0", "-8", "[224]", "[1,2,3]", "[224,0]", "22.4", "x", "null"}}},
      {"model.resize", {"squash", {"model.resize=pad"}, {"stretch", "null"}}},
      {"model.resample", {"auto", {"model.resample=bilinear", "model.resample=bicubic"}, {"nearest"}}},
      {"model.channel_order", {"rgb", {"model.channel_order=bgr"}, {"rbg"}}},
      {"model.mean", {"auto", {"model.mean=[0.5, 0.5, 0.5]"}, {"0.5", "[1,2]", "[1,2,x]", "[1,2,.inf]", "null"}}},
      {"model.std", {"auto", {"model.std=[0.5, 0.5, 0.5]"}, {"0.5", "[1,2]", "[1,2,0]", "[1,2,-1]", "null"}}},
      {"model.eps", {"auto", {"model.eps=1e-5"}, {"0", "-1", "small", "null", "nan", "inf", "1e-400"}}},
      {"model.heads", {"auto", {"model.heads=6"}, not_positive}},
      {"model.branch", {"auto", {"model.branch=teacher"}, {"null", "[a]", "\"\""}}},
      {"model.position", {"auto", {"model.position=offset"}, {"native", "null"}}},
      {"model.feature", {"key", {"model.feature=token"}, {"keys", "cls"}}},
      {"model.layer", {"-1", {"model.layer=3"}, {"last", "1.5", "null", "99999999999"}}},
      {"model.flip", {"false", {"model.flip=true"}, {"1", "null"}}},
      {"model.precision",
       {"auto", {"model.precision=float32", "model.precision=bfloat16", "model.precision=float16"}, {"half", "tf32"}}},
      {"model.batch_size", {"32", {"model.batch_size=4"}, not_positive}},
      {"model.device", {"auto", {"model.device=cpu", "model.device=cuda"}, {"gpu", "cuda:1"}}},
      {"model.cuda_graphs", {"false", {"model.cuda_graphs=true"}, {"auto"}}},
  };
}

std::map<std::string, Expected> method_keys() {
  return {
      {"affinity.metric", {"dot", {"affinity.metric=cosine"}, {"l2"}}},
      {"affinity.weights", {"sign", {"affinity.weights=soft", "affinity.metric=cosine"}, {"abs"}}},
      {"affinity.temperature", {"0.1", {"affinity.temperature=0.05"}, {"0", "-1", "null"}}},
      {"affinity.center", {"none", {"affinity.center=image"}, {"mean", "null"}}},
      {"affinity.threshold", {"0.0", {"affinity.threshold=-2.5"}, {"null", "auto", "[0]", "nan", "1e40"}}},
      {"affinity.quantile", {"null", {"affinity.quantile=0.5"}, {"-0.1", "1.1", "half"}}},
      {"segment.method", {"louvain", {"segment.method=none"}, {"leiden", "null"}}},
      {"segment.resolution", {"1.0", {"segment.resolution=0.5"}, {"0", "-1", "high"}}},
      {"segment.min_patches", {"5", {"segment.min_patches=0"}, not_natural}},
      {"segment.connectivity", {"8", {"segment.connectivity=4"}, {"6", "-8", "null"}}},
      {"descriptor.kind", {"masked_crop", {"descriptor.kind=mean_token"}, {"crop"}}},
      {"descriptor.source", {"input", {}, {"original"}}},
      {"descriptor.crop_resize", {"256", {"descriptor.crop_resize=300"}, not_positive}},
      {"descriptor.crop_size", {"224", {"descriptor.crop_size=200"}, not_positive}},
      {"descriptor.weights", {"same", {"descriptor.weights=/a"}, with(not_a_path, "null")}},
      {"descriptor.smoothing",
       {"null", {"descriptor.smoothing=0.05", "descriptor.kind=mean_key"}, {"0", "-0.1", "some"}}},
      {"cluster.fine", {"null", {"cluster.fine=300"}, {"0", "1", "4097", "auto", "2.5"}}},
      {"cluster.k", {"[27]", {"cluster.k=[5, 3]"}, {"0", "[]", "[3,3]", "[2,x]", "65536", "null", "2.5"}}},
      {"cluster.init", {"k-means++", {"cluster.init=k-means||"}, {"k-means|", "kmeans++"}}},
      {"cluster.algorithm", {"lloyd", {"cluster.algorithm=mini-batch"}, {"minibatch"}}},
      {"cluster.mode", {"exact", {"cluster.mode=fast"}, {"slow", "null"}}},
      {"cluster.max_iterations", {"300", {"cluster.max_iterations=5"}, not_positive}},
      {"cluster.tolerance", {"1e-4", {"cluster.tolerance=0"}, {"-1", "small"}}},
      {"cluster.restarts", {"1", {"cluster.restarts=3"}, not_positive}},
      {"cluster.batch_size", {"2048", {"cluster.batch_size=1024"}, not_positive}},
      {"cluster.epochs", {"50", {"cluster.epochs=10"}, not_positive}},
      {"cluster.centroids", {"null", {"cluster.centroids=/c.h5", "cluster.init=file"}, with(not_a_path, ":/k")}},
      {"cluster.memory", {"auto", {"cluster.memory=256MiB"}, {"0", "lots", "1.5GiB", "99999999TiB", "null"}}},
      {"cluster.checkpoint_every", {"auto", {"cluster.checkpoint_every=5"}, not_positive}},
      {"cluster.groups", {"auto", {"cluster.groups=1", "cluster.groups=4"}, with(not_positive, "null")}},
      {"cluster.device", {"auto", {"cluster.device=cpu", "cluster.device=cuda"}, {"gpu", "cuda:1"}}},
      {"cluster.comm", {"auto", {"cluster.comm=mpi", "cluster.comm=nccl"}, {"gloo"}}},
      {"mask.labels", {"segment", {"mask.labels=dense", "descriptor.kind=mean_key"}, {"patch", "null"}}},
      {"mask.refine",
       {"none", {"mask.refine=crf", "mask.labels=dense", "descriptor.kind=mean_key"}, {"matting", "null"}}},
      {"mask.resolution", {"original", {"mask.resolution=grid"}, {"full"}}},
      {"mask.formats", {"[png]", {"mask.formats=[hdf5, png]"}, {"[]", "[png, png]", "[rle]", "null"}}},
      {"evaluate.protocols",
       {"[strict, datus-compat]", {"evaluate.protocols=strict"}, {"[]", "dense", "[stego_crop]", "[strict, strict]"}}},
      {"evaluate.mapping", {"null", {"evaluate.mapping=/s.json"}, not_a_path}},
      {"evaluate.matching", {"given", {"evaluate.matching=own"}, {"fitted", "null"}}},
      {"evaluate.bootstrap", {"1000", {"evaluate.bootstrap=0"}, {"-1", "1.5", "null"}}},
      {"storage.embeddings", {"float16", {"storage.embeddings=float32"}, {"float64", "null"}}},
      {"storage.compression", {"none", {}, {"gzip"}}},
  };
}

std::map<std::string, Expected> expected_keys() {
  std::map<std::string, Expected> keys = input_keys();
  keys.merge(method_keys());
  return keys;
}

class Schema : public ConfigFiles {};

TEST_F(Schema, HoldsExactlyTheKeysOfTheDesign) {
  std::set<std::string> names;
  for (const Key& key : schema()) {
    EXPECT_TRUE(names.insert(key.full_name()).second) << key.full_name() << " is there twice";
    EXPECT_EQ(find_key(key.full_name()), &key);
    EXPECT_FALSE(key.help.empty()) << key.full_name();
    EXPECT_EQ(key.help.back(), '.') << key.full_name();
  }
  std::set<std::string> expected;
  for (const auto& [name, unused] : expected_keys()) expected.insert(name);
  EXPECT_EQ(names, expected);
  EXPECT_EQ(find_key("model.wait"), nullptr);
}

TEST_F(Schema, DefaultsAreThoseOfTheDesign) {
  for (const auto& [name, expected] : expected_keys()) {
    // Writing the default changes nothing, and the default is written as a value that reads back as
    // itself.
    EXPECT_EQ(default_config(Overrides{name + "=" + expected.default_value}), Config{}) << name;
    const std::string written = find_key(name)->write(Config{});
    EXPECT_EQ(default_config(Overrides{name + "=" + written}), Config{}) << name << " = " << written;
  }
}

TEST_F(Schema, WrongValuesAreRefusedWithFileLineValueAndWhatIsAllowed) {
  for (const auto& [name, expected] : expected_keys()) {
    const Key& key = *find_key(name);
    for (const std::string& value : expected.wrong) {
      const std::string line = key.name + ": " + value + "\n";
      const auto file = write("c.yaml", key.section.empty() ? "\n" + line : key.section + ":\n  " + line);
      const std::string text = usage_error([&] { (void)load_config(file, {}); });
      expect_mentions(text, {name + " = " + (value.empty() ? "null" : value.substr(0, 2)), "c.yaml:2"});
      EXPECT_NE(text.find("Allowed: " + key.allowed), std::string::npos) << text;
    }
  }
}

TEST_F(Schema, AnAlternativeChangesExactlyTheHashesOfItsStages) {
  for (const auto& [name, expected] : expected_keys()) {
    if (expected.alternative.empty()) continue;
    const Key& key = *find_key(name);
    // What is set besides the key itself is set on both sides, as far as it is allowed alone.
    Config before;
    const Config after = default_config(expected.alternative);
    if (name == "cluster.centroids") before.cluster.init = after.cluster.init;
    if (name == "preset") {
      before.segment.method = after.segment.method;
      before.descriptor.kind = after.descriptor.kind;
    }
    if (name == "affinity.weights") before.affinity.metric = after.affinity.metric;
    if (name == "descriptor.smoothing" || name.starts_with("mask.")) before.descriptor.kind = after.descriptor.kind;
    if (name == "mask.refine") before.mask.labels = after.mask.labels;
    EXPECT_NE(after, before) << name;
    EXPECT_NE(key.write(after), key.write(before)) << name;
    for (const Stage stage : all_stages) {
      const bool changed = settings_hash(after, stage) != settings_hash(before, stage);
      EXPECT_EQ(changed, key.affects(stage)) << name << ", " << stage_name(stage);
    }
  }
}

TEST_F(Schema, EveryStageSettingIsHashedUnderItsName) {
  for (const Key& key : schema()) {
    for (const Stage stage : all_stages) {
      const bool found = settings_text(Config{}, stage).find(key.full_name() + ": ") != std::string::npos;
      EXPECT_EQ(found, key.affects(stage)) << key.full_name() << ", " << stage_name(stage);
    }
  }
}

TEST_F(Schema, StagesAreThoseOfTheMeaningOfTheKeys) {
  using Stages = std::vector<Stage>;
  const Stages model = {Stage::extract, Stage::describe};
  const std::map<std::string, Stages> expected = {
      {"run.directory", {}},
      {"run.seed", {Stage::cluster}},
      {"model.weights", {}},
      {"model.device", {}},
      {"model.cuda_graphs", {}},
      {"model.batch_size", model},
      {"model.channel_order", {Stage::extract}},
      {"model.input_size", {Stage::extract, Stage::describe, Stage::mask}},
      {"dataset.shard_size", model},
      {"dataset.images", {}},
      {"cluster.memory", {}},
      {"cluster.device", {}},
      {"cluster.comm", {}},
      {"cluster.k", {Stage::cluster}},
      {"evaluate.protocols", {Stage::evaluate}},
      {"storage.embeddings", {Stage::extract}},
      {"descriptor.smoothing", {Stage::describe, Stage::mask}},
      {"cluster.fine", {Stage::cluster}},
      {"mask.labels", {Stage::mask}},
  };
  for (const auto& [name, stages] : expected) EXPECT_EQ(find_key(name)->stages, stages) << name;
}

}  // namespace schema_test
}  // namespace datus::test
