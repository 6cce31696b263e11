// SPDX-License-Identifier: Apache-2.0
#include "unit/config/config_files.hpp"

#include <cmath>
#include <cstdlib>
#include <limits>

namespace datus::test {
namespace load_test {

class LoadConfig : public ConfigFiles {
 protected:
  [[nodiscard]] Config load(const std::string& text, const Overrides& overrides = {}) const {
    return load_config(write("reef.yaml", text), overrides);
  }
  [[nodiscard]] std::string error(const std::string& text) const {
    return usage_error([&] { (void)load(text); });
  }
};

TEST_F(LoadConfig, AFileThatSaysNothingOfTheMethodHasThePresetBest) {
  Config expected = default_config(Overrides{"preset=best"});
  expected.run.directory = "runs/reef";
  for (const char* text : {"", "# nothing\n", "---\n", "model:\ncluster:\n", "{}\n"}) EXPECT_EQ(load(text), expected);
  EXPECT_EQ(load("cluster: {k: 5}\nmodel: {input_size: 224}\n").preset, "best");
}

TEST_F(LoadConfig, AFileThatSaysSomethingOfTheMethodHoldsTheDefaults) {
  Config expected;
  expected.run.directory = "runs/reef";
  EXPECT_EQ(load("preset: paper\n"), expected);
  EXPECT_EQ(load("", {"preset=paper"}), expected);
  for (const char* of_method :
       {"affinity: {threshold: 0}", "segment: {resolution: 1}", "descriptor: {kind: masked_crop}",
        "mask: {labels: segment}", "cluster: {init: k-means++}"}) {
    EXPECT_EQ(load(of_method).preset, "paper") << of_method;
    EXPECT_EQ(load(of_method).mask.labels, MaskConfig::Labels::segment) << of_method;
  }
}

TEST_F(LoadConfig, OneSettingOfTheMethodOnTheCommandLineChangesNothingElse) {
  Config expected = load("");
  expected.segment.resolution = 2;
  EXPECT_EQ(load("", {"segment.resolution=2"}), expected);
  EXPECT_EQ(load("mask: {formats: hdf5}").preset, "best") << "it is not of the method";
}

TEST_F(LoadConfig, ReadsEveryKindOfValue) {
  const Config config = load(R"(
run: {directory: /scratch/a b/../run, seed: 18446744073709551615}
dataset: {kind: index_png, classes: 27, void: 0, split: "null", orientation: exif}
model:
  input_size: [224, 320]
  mean: [0.1, .2, -3e-1]
  std: [1, .5, 0.25]
  eps: 1e-5
  heads: 6
  branch: teacher
  position: size_antialias
  layer: -3
  device: cpu
  precision: float32
affinity: {metric: cosine, center: image, quantile: 0.75}
segment: {method: none, connectivity: 4}
cluster: {k: [31, 5, 27], init: random, tolerance: 0}
mask: {formats: png}
evaluate: {protocols: many_to_one}
storage: {embeddings: none}
)");
  EXPECT_EQ(config.run.directory, "/scratch/run");
  EXPECT_EQ(config.run.seed, std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(config.dataset.kind.name, "index_png");
  EXPECT_EQ(config.dataset.classes.count, 27);
  EXPECT_FALSE(config.dataset.classes.file);
  EXPECT_EQ(config.dataset.void_label, 0);
  EXPECT_EQ(config.dataset.split, "null");
  EXPECT_EQ(config.dataset.orientation, DatasetConfig::Orientation::exif);
  EXPECT_EQ(config.model.input_size, (PixelSize{224, 320}));
  EXPECT_EQ(config.model.mean, (std::array{0.1, 0.2, -0.3}));
  EXPECT_EQ(config.model.standard_deviation, (std::array{1.0, 0.5, 0.25}));
  EXPECT_EQ(config.model.eps, 1e-5);
  EXPECT_EQ(config.model.heads, 6);
  EXPECT_EQ(config.model.branch, "teacher");
  EXPECT_EQ(config.model.position, ModelConfig::Position::size_antialias);
  EXPECT_EQ(config.model.layer, -3);
  EXPECT_EQ(config.model.device, ModelConfig::Device::cpu);
  EXPECT_EQ(config.model.precision, ModelConfig::Precision::float32);
  EXPECT_EQ(config.affinity.metric, AffinityConfig::Metric::cosine);
  EXPECT_EQ(config.affinity.center, AffinityConfig::Center::image);
  EXPECT_EQ(config.affinity.quantile, 0.75);
  EXPECT_EQ(config.segment.method, SegmentConfig::Method::none);
  EXPECT_EQ(config.segment.connectivity, 4);
  EXPECT_EQ(config.cluster.k, (std::vector{5, 27, 31}));
  EXPECT_EQ(config.cluster.init, ClusterConfig::Init::random);
  EXPECT_EQ(config.cluster.tolerance, 0.0);
  EXPECT_EQ(config.mask.formats, std::vector{MaskConfig::Format::png});
  EXPECT_EQ(config.evaluate.protocols, std::vector{EvaluateConfig::Protocol::many_to_one});
  EXPECT_EQ(config.storage.embeddings, StorageConfig::Embeddings::none);
}

TEST_F(LoadConfig, NegativeZeroIsZero) {
  EXPECT_FALSE(std::signbit(load("affinity: {threshold: -0.0}").affinity.threshold));
}

TEST_F(LoadConfig, OverridesWinOverTheFileAndTheFileOverThePreset) {
  const std::string file = "preset: patch-kmeans\ndescriptor: {kind: mean_token}\ncluster: {k: 5, seed: 1}\n";
  EXPECT_NE(error(file).find("Did you mean run.seed"), std::string::npos);
  const std::string valid = "preset: patch-kmeans\ndescriptor: {kind: mean_token}\ncluster: {k: 5}\n";
  Config config = load(valid);
  EXPECT_EQ(config.preset, "patch-kmeans");
  EXPECT_EQ(config.segment.method, SegmentConfig::Method::none);
  EXPECT_EQ(config.descriptor.kind, DescriptorConfig::Kind::mean_token);
  config = load(valid, {"cluster.k=6", "cluster.k=7", "segment.method=louvain"});
  EXPECT_EQ(config.cluster.k, std::vector{7});
  EXPECT_EQ(config.segment.method, SegmentConfig::Method::louvain);
  config = load(valid, {"preset=paper"});
  EXPECT_EQ(config.preset, "paper");
  EXPECT_EQ(config.segment.method, SegmentConfig::Method::louvain);
  EXPECT_EQ(config.descriptor.kind, DescriptorConfig::Kind::mean_token);
}

TEST_F(LoadConfig, PresetPaperIsTheDefaults) {
  EXPECT_EQ(default_config(Overrides{"preset=paper"}), Config{});
  EXPECT_EQ(default_config(), Config{});
}

TEST_F(LoadConfig, PresetPatchKmeansIsTheBaselineOfThePeers) {
  Config expected;
  expected.preset = "patch-kmeans";
  expected.segment.method = SegmentConfig::Method::none;
  expected.descriptor.kind = DescriptorConfig::Kind::mean_key;
  EXPECT_EQ(default_config(Overrides{"preset=patch-kmeans"}), expected);
}

TEST_F(LoadConfig, PathsAreRelativeToTheFileOrToTheCurrentFolder) {
  const auto file = write("sub/c.yaml",
                          "run: {directory: out}\ndataset: {images: ../images, classes: names.json}\n"
                          "model: {weights: /w/x.pth}\n"
                          "cluster: {init: file, centroids: 'c.h5:/k027/centroids'}\n");
  const Config config =
      load_config(file, Overrides{"dataset.truth=t/../u", "dataset.label_map=suim8", "evaluate.mapping=s.json"});
  const auto current = std::filesystem::current_path();
  EXPECT_EQ(config.run.directory, "out");
  EXPECT_EQ(config.dataset.images, folder() / "images");
  EXPECT_EQ(config.dataset.classes.file, folder() / "sub/names.json");
  EXPECT_EQ(config.dataset.truth, current / "u");
  EXPECT_EQ(config.evaluate.mapping, current / "s.json");
  EXPECT_EQ(config.model.weights, "/w/x.pth");
  EXPECT_EQ(config.cluster.centroids, (folder() / "sub/c.h5").string() + ":/k027/centroids");
  EXPECT_EQ(config.dataset.label_map, "suim8");
  EXPECT_EQ(default_config(Overrides{"dataset.label_map=./suim8"}).dataset.label_map, current / "suim8");
  const Config without = default_config(Overrides{"cluster.init=file", "cluster.centroids=/c.h5"});
  EXPECT_EQ(without.cluster.centroids, "/c.h5");
}

TEST_F(LoadConfig, PathsAreExpandedAsAShellWould) {
  ASSERT_EQ(::setenv("HOME", "/home/reef", 1), 0);
  ASSERT_EQ(::setenv("DATUS_SCRATCH", "/scratch/a", 1), 0);
  ASSERT_EQ(::unsetenv("DATUS_UNSET"), 0);
  const Config config = load(
      "run: {directory: $DATUS_SCRATCH/runs}\ndataset: {images: ~/im, truth: '${DATUS_SCRATCH}2/t'}\n"
      "model: {weights: ./~user/$$5.pth}\ncluster: {init: file, centroids: '~/c.h5:/k'}\n");
  EXPECT_EQ(config.run.directory, "/scratch/a/runs");
  EXPECT_EQ(config.dataset.images, "/home/reef/im");
  EXPECT_EQ(config.dataset.truth, "/scratch/a2/t");
  EXPECT_EQ(config.model.weights, folder() / "~user/$5.pth");
  EXPECT_EQ(config.cluster.centroids, "/home/reef/c.h5:/k");
  // What is printed reads back as the same.
  const auto file = write("again.yaml", dump_config(config, false));
  EXPECT_EQ(load_config(file, {}).model.weights, config.model.weights);
  for (const char* literal : {"~/x", "~", "~user/x", "a$b", "$$"}) {
    EXPECT_EQ(default_config(Overrides{"run.directory=" + literal_path(literal)}).run.directory, literal);
  }
  expect_mentions(error("\ndataset: {images: $DATUS_UNSET/im}\n"),
                  {"$DATUS_UNSET/im", "reef.yaml:2", "DATUS_UNSET is not"});
  expect_mentions(error("dataset: {images: '${DATUS_SCRATCH/im'}\n"), {"no name of a variable"});
  expect_mentions(error("dataset: {images: a$/im}\n"), {"no name of a variable"});
  expect_mentions(error("\nrun: {directory: ~user/runs}\n"), {"~user/runs", "reef.yaml:2", "your own home"});
}

TEST_F(LoadConfig, ListsWithoutBrackets) {
  EXPECT_EQ(load("cluster:\n  k: 20, 27,5\n").cluster.k, (std::vector<int>{5, 20, 27}));
  EXPECT_EQ(default_config(Overrides{"cluster.k=20,27"}).cluster.k, (std::vector<int>{20, 27}));
  expect_mentions(error("cluster: {k: 20,27}\n"), {"27 is no key of cluster", "reef.yaml:1", "[20, 27]"});
  for (const char* wrong : {"20,", "20,,27", "20,20", "'20,27'"}) {
    expect_mentions(error(std::string("cluster:\n  k: ") + wrong + "\n"), {"cluster.k", "reef.yaml:2"});
  }
}

TEST_F(LoadConfig, MergeKeysBringInTheEntriesOfOtherMaps) {
  EXPECT_EQ(load("<<: {cluster: {k: 4}}\nrun: {directory: r}\n").cluster.k, std::vector<int>{4});
  EXPECT_EQ(load("cluster: {<<: {k: 4, restarts: 3}, k: 5}\n").cluster.k, std::vector<int>{5});
  EXPECT_EQ(load("cluster: {<<: {k: 4, restarts: 3}, k: 5}\n").cluster.restarts, 3);
  EXPECT_EQ(load("cluster: {<<: [{restarts: 3}, {restarts: 4, k: 6}]}\n").cluster.restarts, 3);
  expect_mentions(error("cluster: &c {k: 5}\nmodel: {<<: *c}\n"), {"model.k", "reef.yaml:1"});
  expect_mentions(error("cluster: {<<: 5}\n"), {"Nothing can be merged", "reef.yaml:1"});
  // A map that merges itself, and maps that each merge the one before twice: 2^30 of them.
  expect_mentions(error("cluster: &c {k: 5, <<: *c}\n"), {"Too many maps", "reef.yaml:1"});
  std::string nested = "&m0 {k: 5}";
  for (int i = 1; i < 30; ++i) {
    const std::string one = "&m" + std::to_string(i);
    nested = one + " {<<: [" + nested + ", *m" + std::to_string(i - 1) + "]}";
  }
  expect_mentions(error("cluster: " + nested + "\n"), {"Too many maps", "reef.yaml:1"});
}

TEST_F(LoadConfig, UnknownKeysAreRefusedWithPlaceListAndGuess) {
  expect_mentions(error("model:\n\n  inputsize: 224\n"),
                  {"model.inputsize", "reef.yaml:3", "Did you mean model.input_size?", "weights, input_size, resize"});
  expect_mentions(error("run: {}\nmodel: {k: 3}\n"), {"model.k", "reef.yaml:2", "Did you mean cluster.k?"});
  expect_mentions(error("modle: {weights: a}\n"), {"modle", "reef.yaml:1", "Did you mean model?", "preset, run,"});
  expect_mentions(error("weights: a\n"), {"weights", "model.weights or affinity.weights or descriptor.weights"});
  expect_mentions(error("model.weights: a\n"), {"Unknown key model.weights", "reef.yaml:1", "At the top level"});
  expect_mentions(override_error({"cluster.kk=3"}), {"--set cluster.kk=3", "Did you mean cluster.k?"});
  expect_mentions(override_error({"clutser.init=random"}), {"clutser.init", "Did you mean cluster?"});
  const std::string no_guess = error("model: {zzzzzzzzzz: 1}\n");
  EXPECT_EQ(no_guess.find("Did you mean"), std::string::npos) << no_guess;
}

TEST_F(LoadConfig, WrongFormsAreRefusedWithPlace) {
  expect_mentions(error("a: 1\n---\nb: 2\n"), {"reef.yaml", "2 YAML documents"});
  expect_mentions(error("- 1\n"), {"reef.yaml", "top level is not a map"});
  expect_mentions(error("\nmodel: 3\n"), {"reef.yaml:2", "model is a section"});
  expect_mentions(error("model:\n  weights: {a: 1}\n"), {"reef.yaml:2", "model.weights"});
  expect_mentions(error("cluster: {k: [[1]]}\n"), {"reef.yaml:1", "cluster.k"});
  expect_mentions(error("cluster:\n  k: 1\n  k: 2\n"), {"reef.yaml:3", "cluster.k is there twice"});
  expect_mentions(error("cluster: {}\ncluster: {}\n"), {"reef.yaml:2", "cluster is there twice"});
  expect_mentions(error("model:\n  input_size: [1,\n"), {"not YAML", "reef.yaml:3"});
  expect_mentions(error("? [a]\n: 1\n"), {"reef.yaml:1", "not a name"});
  expect_mentions(override_error({"cluster.k"}), {"--set cluster.k", "section.key=value"});
  expect_mentions(override_error({"=3"}), {"--set =3"});
  expect_mentions(override_error({"cluster=3"}), {"cluster is a section"});
  expect_mentions(override_error({"cluster.k=[1"}), {"not YAML", "(--set cluster.k=[1)"});
  expect_mentions(usage_error([&] { (void)load_config(folder() / "no.yaml", {}); }), {"no.yaml", "no such file"});
  expect_mentions(usage_error([&] { (void)load_config(folder(), {}); }), {"it is a folder"});
}

TEST_F(LoadConfig, ContradictionsNameBothKeysAndPlaces) {
  expect_mentions(error("affinity:\n  quantile: 0.5\n  threshold: 1\n"),
                  {"affinity.quantile = 0.5", "affinity.threshold = 1", "reef.yaml:2 and ", "reef.yaml:3"});
  expect_mentions(error("affinity: {weights: value, threshold: -1}\n"), {"affinity.weights", "negative"});
  expect_mentions(error("\ndescriptor: {crop_size: 300}\n"), {"crop_size = 300", "crop_resize = 256", "the default"});
  expect_mentions(error("descriptor: {kind: mean_key, weights: a}\n"), {"descriptor.weights", "descriptor.kind"});
  expect_mentions(error("cluster: {init: file}\n"), {"cluster.init = file", "cluster.centroids = null"});
  expect_mentions(error("cluster: {centroids: a.h5}\n"), {"cluster.init = k-means++", "cluster.centroids = "});
  expect_mentions(error("cluster: {init: file, centroids: a.h5, k: [2, 3]}\n"), {"cluster.k = [2, 3]"});
  expect_mentions(error("cluster: {init: file, centroids: a.h5, restarts: 2}\n"), {"cluster.restarts = 2"});
  expect_mentions(error("dataset: {kind: list}\n"), {"dataset.list"});
  EXPECT_NO_THROW((void)load("dataset: {kind: coco_stuff}\n"));  // a split that is missing is seen in the folder
  EXPECT_NO_THROW((void)load("affinity: {weights: value}\n"));
  EXPECT_NO_THROW((void)load("affinity: {quantile: 0.5}\n"));
  EXPECT_NO_THROW((void)load("dataset: {kind: list, images: list.txt}\n"));
}

// As configurations of other tools have them: subtracted from pixels in [0, 1], nothing would be left of the image.
TEST_F(LoadConfig, StatisticsOfBytesAreRefused) {
  expect_mentions(error("\nmodel: {mean: [123.675, 116.28, 103.53]}\n"),
                  {"model.mean", "123.675", "reef.yaml:2", "255"});
  expect_mentions(error("model: {std: [58.395, 57.12, 57.375]}\n"), {"model.std", "57.375", "255"});
  EXPECT_NO_THROW((void)load("model: {mean: [1, 0, -0.5], std: [1, 1, 0.5]}\n"));
}

TEST_F(LoadConfig, RequiredKeys) {
  const Config config = default_config(Overrides{"dataset.images=/a"});
  EXPECT_NO_THROW(require_key(config, "dataset.images", "extract reads them"));
  expect_mentions(usage_error([&] { require_key(config, "model.weights", "extract runs a model"); }),
                  {"model.weights", "extract runs a model", "--set model.weights="});
  EXPECT_THROW(require_key(config, "model.wait", ""), std::logic_error);
}

}  // namespace load_test
}  // namespace datus::test
