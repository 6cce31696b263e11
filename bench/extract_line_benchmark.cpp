// SPDX-License-Identifier: Apache-2.0
// Processor time per image of all that extract and segment do around a GPU, part by part: reading, decoding and
// resizing JPEGs, pixels and keys on their way to pinned memory and back, communities in a graph that came from it,
// shards on the disk. Then all of extract with a model that costs nothing, to see what the parts leave out.

#include "datus/algo/affinity.hpp"
#include "datus/algo/louvain.hpp"
#include "datus/algo/segments.hpp"
#include "datus/comm/self_communicator.hpp"
#include "datus/config/config.hpp"
#include "datus/core/error.hpp"
#include "datus/core/log.hpp"
#include "datus/io/encoded_image.hpp"
#include "datus/io/image_reader.hpp"
#include "datus/model/resize.hpp"
#include "extract_line/processor_time.hpp"
#include "extract_line/stand_in_transformer.hpp"
#include "pipeline/files/keys_file.hpp"
#include "pipeline/inputs/input_preparation.hpp"
#include "pipeline/session/open_run.hpp"
#include "pipeline/shards/shard_stages.hpp"
#include "program.hpp"
#include "work_folder.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

namespace datus::bench {
namespace {

namespace fs = std::filesystem;

struct Settings {
  fs::path folder = ".";
  fs::path images;
  int count = 256;
  LineShape shape;
  double seconds = 5;
};

/// Smooth random photos with a little grain, as large as those of COCO.
Image made_up_photo(unsigned seed) {
  std::mt19937 generator(seed);
  Image small(6, 8);
  for (auto& value : small.pixels) value = static_cast<std::uint8_t>(generator());
  Image photo = resize_image(small, 375, 500, Resample::bicubic);
  for (std::size_t i = 0; i < photo.pixels.size(); i += 3) {
    const int grain = static_cast<int>(generator() % 25) - 12;
    for (std::size_t c = i; c < i + 3; ++c) {
      photo.pixels[c] = static_cast<std::uint8_t>(std::clamp(photo.pixels[c] + grain, 0, 255));
    }
  }
  return photo;
}

/// A folder with `count` JPEGs: those of the settings again and again, or made-up ones.
std::vector<fs::path> make_images(const Settings& settings, const WorkFolder& work) {
  constexpr int different = 64;
  std::vector<fs::path> sources;
  if (!settings.images.empty()) {
    for (const auto& entry : fs::directory_iterator(settings.images)) {
      if (entry.path().extension() == ".jpg") sources.push_back(entry.path());
    }
    std::ranges::sort(sources);
    if (sources.empty()) throw UsageError("No image for the benchmark", "no .jpg in --images", "Name another folder.");
  }
  fs::create_directories(work / "images");
  std::vector<fs::path> paths;
  for (int i = 0; i < settings.count; ++i) {
    const std::string name = std::to_string(1'000'000 + i) + ".jpg";
    paths.push_back(work / "images" / name);
    if (!sources.empty()) {
      fs::copy_file(sources[static_cast<std::size_t>(i) % sources.size()], paths.back());
    } else if (i >= different) {
      fs::copy_file(paths[static_cast<std::size_t>(i % different)], paths.back());
    } else {
      const auto bytes = jpeg_bytes(made_up_photo(static_cast<unsigned>(i)), 90);
      std::ofstream(paths.back(), std::ios::binary)
          .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    }
  }
  return paths;
}

Config config_of(const Settings& settings, const WorkFolder& work) {
  const std::string side = std::to_string(settings.shape.side);
  std::ofstream(work / "weights") << "none";
  const std::vector<std::string> overrides = {"dataset.images=" + (work / "images").string(),
                                              "dataset.shard_size=64",
                                              "model.weights=" + (work / "weights").string(),
                                              "model.input_size=" + side,
                                              "model.device=cpu",
                                              "run.directory=" + (work / "run").string()};
  return default_config(overrides);
}

struct Row {
  std::string what;
  double seconds = 0;  ///< per image
};

/// Least processor time of `work` per image, over rounds.
double least(double seconds, std::size_t images, const std::function<void()>& work) {
  double best = 1e9;
  double total = 0;
  int rounds = 0;
  while (rounds < 2 || total < seconds) {
    const double taken = processor_seconds(work);
    best = std::min(best, taken);
    total += taken;
    ++rounds;
  }
  return best / static_cast<double>(images);
}

std::vector<Row> time_parts(const Settings& settings, const Config& config, const std::vector<fs::path>& all,
                            const WorkFolder& work) {
  const std::vector<fs::path> paths(all.begin(), all.begin() + std::min<std::ptrdiff_t>(std::ssize(all), 64));
  const std::size_t count = paths.size();
  const double seconds = settings.seconds / 8;
  std::vector<Row> rows;
  const auto add = [&](const std::string& what, const std::function<void()>& part) {
    rows.push_back({what, least(seconds, count, part)});
  };
  std::vector<Image> decoded(count);
  add("reading, hashing and decoding", [&] {
    for (std::size_t i = 0; i < count; ++i) decoded[i] = read_hashed_image(paths[i], Orientation::stored).image;
  });
  const InputPreparation preparation(config.model, settings.shape.patch, Resample::bicubic);
  std::vector<InputImage> inputs(count);
  add("resizing", [&] {
    for (std::size_t i = 0; i < count; ++i) inputs[i] = preparation.prepare(decoded[i]);
  });
  const GridSize grid = settings.shape.grid();
  std::vector<BitGraph> graphs;
  std::vector<float> floats(settings.shape.values());
  for (std::size_t i = 0; i < 16; ++i) {
    to_float(made_up_keys(i), floats);
    graphs.push_back(build_bit_graph(floats, grid.patches(), settings.shape.dim));
  }
  std::vector<half> pinned(32 * settings.shape.values());
  add("keys to pinned memory, for graphs", [&] {
    for (std::size_t i = 0; i < count; ++i) {
      const auto& keys = made_up_keys(i);
      std::ranges::copy(keys, pinned.begin() + static_cast<std::ptrdiff_t>(i % 32 * keys.size()));
    }
  });
  add("graphs out of pinned memory, communities", [&] {
    for (std::size_t i = 0; i < count; ++i) {
      const BitGraph graph = graphs[i % graphs.size()];
      (void)find_segments(louvain(graph, {}).labels, grid, config.segment.min_patches, config.segment.connectivity);
    }
  });
  KeysFile keys;
  keys.grid = grid;
  keys.patch = settings.shape.patch;
  keys.dim = settings.shape.dim;
  keys.cls_dim = settings.shape.dim;
  UnfilledVector<half> halves;
  for (std::size_t i = 0; i < count; ++i) {
    keys.images.image.push_back(static_cast<std::int64_t>(i));
    halves.insert(halves.end(), made_up_keys(i).begin(), made_up_keys(i).end());
    keys.cls.resize(keys.cls.size() + static_cast<std::size_t>(settings.shape.dim), 0.5F);
  }
  keys.keys = KeyValues(std::move(halves));
  add("a shard of keys to the disk", [&] { write_keys(work / "shard.h5", keys, {}); });
  return rows;
}

/// Processor seconds of the process per image of the whole line, and those of its pixels and keys.
struct Whole {
  double all = 0;
  double opening = 0;
  CopyTimes copies;
};

Whole time_whole(const Settings& settings, const Config& config) {
  SelfCommunicator comm;
  fs::remove_all(config.run.directory);
  const double start = processor_clock(CLOCK_PROCESS_CPUTIME_ID);
  const auto run = open_run(config, std::nullopt, comm);
  const double opened = processor_clock(CLOCK_PROCESS_CPUTIME_ID);
  const CopyTimes before = copy_times();
  (void)run_shard_stages(*run, {Stage::extract});
  const double end = processor_clock(CLOCK_PROCESS_CPUTIME_ID);
  const auto count = static_cast<double>(settings.count);
  return {(end - opened) / count,
          (opened - start) / count,
          {(copy_times().pixels - before.pixels) / count, (copy_times().keys - before.keys) / count}};
}

void print_results(const std::vector<Row>& rows, const Whole& whole) {
  std::printf("processor time per image\n");
  const auto print = [](const char* what, double seconds) { std::printf("%-44s %8.0f us\n", what, 1e6 * seconds); };
  double sum = 0;
  for (const Row& row : rows) {
    print(row.what.c_str(), row.seconds);
    sum += row.seconds;
  }
  print("sum of the parts", sum);
  print("datus extract with a model that costs nothing", whole.all);
  print("  before that: listing the images", whole.opening);
}

int run_program(int argc, char** argv) {
  Settings settings;
  CLI::App program("Processor time per image of what extract does around the model.");
  program.add_option("--folder", settings.folder, "where to write")->check(CLI::ExistingDirectory);
  program.add_option("--images", settings.images, "folder of JPEGs; made up without it")->check(CLI::ExistingDirectory);
  program.add_option("--count", settings.count, "images")->check(CLI::PositiveNumber);
  program.add_option("--patch", settings.shape.patch, "side of a patch in pixels")->check(CLI::PositiveNumber);
  program.add_option("--benchmark_min_time", settings.seconds, "seconds to repeat the parts for");
  program.allow_extras();
  CLI11_PARSE(program, argc, argv);
  log::set_level(log::Level::quiet);
  const WorkFolder work(settings.folder, "extract_line");
  use_stand_in(settings.shape);
  const auto paths = make_images(settings, work);
  const Config config = config_of(settings, work);
  auto rows = time_parts(settings, config, paths, work);
  Whole whole{.all = 1e9, .opening = 0, .copies = {}};
  for (int round = 0; round < 3; ++round) {
    const Whole one = time_whole(settings, config);
    if (one.all < whole.all) whole = one;
  }
  rows.push_back({"pixels to pinned memory", whole.copies.pixels});
  rows.push_back({"keys out of pinned memory", whole.copies.keys});
  print_results(rows, whole);
  return 0;
}

}  // namespace
}  // namespace datus::bench

int main(int argc, char** argv) {
  return datus::bench::exit_code_of("bench_extract_line", &datus::bench::run_program, argc, argv);
}
