// SPDX-License-Identifier: Apache-2.0
// Writing masks against libpng with its defaults, and evaluating them against decoding the same files alone, in turns.

#include "datus/comm/self_communicator.hpp"
#include "datus/core/parallel.hpp"
#include "datus/io/dataset.hpp"
#include "datus/io/image_writer.hpp"
#include "datus/io/mask_file.hpp"
#include "io/images/png_encoder.hpp"
#include "pipeline/stages/compared_images.hpp"
#include "pipeline/stages/protocol_scores.hpp"
#include "program.hpp"
#include "support/temp_folder.hpp"

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <functional>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

#include <CLI/CLI.hpp>
#include <png.h>

namespace datus::bench {
namespace {

namespace fs = std::filesystem;

struct Settings {
  fs::path predictions;
  fs::path truth;
  int images = 64;
  int clusters = 27;
  int threads = 2;
  double seconds = 10;
};

/// Areas with ragged edges, about as masks of photographs.
LabelMap areas(int labels, std::mt19937& generator) {
  LabelMap map(480, 640);
  struct Seed {
    int y, x;
    std::int32_t label;
  };
  std::vector<Seed> seeds;
  const auto below = [&](int limit) { return static_cast<int>(generator() % static_cast<unsigned>(limit)); };
  for (int i = 0; i < 40; ++i) seeds.push_back({below(map.height), below(map.width), below(labels)});
  std::vector<int> wobble(map.labels.size() / 64 + 1);
  for (int& w : wobble) w = below(9);
  for (int y = 0; y < map.height; ++y) {
    for (int x = 0; x < map.width; ++x) {
      const int w = wobble[static_cast<std::size_t>(y / 8 * 80 + x / 8)];
      const auto distance = [&](const Seed& seed) {
        const int dy = seed.y - y - w;
        const int dx = seed.x - x + w;
        return dy * dy + dx * dx;
      };
      const auto nearest = std::ranges::min_element(seeds, {}, distance);
      map.labels[static_cast<std::size_t>(y * 640 + x)] = nearest->label;
    }
  }
  return map;
}

void write_areas(const Settings& settings) {
  std::mt19937 generator(1);
  fs::create_directories(settings.predictions);
  fs::create_directories(settings.truth);
  for (int i = 0; i < settings.images; ++i) {
    const std::string name = std::to_string(i) + ".png";
    write_mask(settings.predictions / name, areas(settings.clusters, generator), settings.clusters,
               distinct_palette(settings.clusters));
    write_mask(settings.truth / name, areas(20, generator), 20, distinct_palette(20));
  }
}

/// Processor time, which hardly depends on what else the machine does.
double seconds_of(const std::function<void()>& work) {
  const std::clock_t begin = std::clock();
  work();
  return static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

/// The seconds of each of `works`, measured in turns: [works][turns].
std::vector<std::vector<double>> in_turns(double seconds, const std::vector<std::function<void()>>& works) {
  std::vector<std::vector<double>> times(works.size());
  for (double spent = 0; spent < seconds || times.front().empty();) {
    for (std::size_t i = 0; i < works.size(); ++i) {
      times[i].push_back(seconds_of(works[i]));
      spent += times[i].back();
    }
  }
  return times;
}

/// The median of b / a.
double median_ratio(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> ratios;
  for (std::size_t i = 0; i < a.size(); ++i) ratios.push_back(b[i] / a[i]);
  return median(ratios);
}

/// A palette PNG by libpng as its defaults are, but for the filter: the one that suits labels.
std::vector<std::uint8_t> by_libpng(int height, int width, const std::vector<std::uint8_t>& samples,
                                    const std::vector<Colour>& palette) {
  std::vector<std::uint8_t> file;
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  const auto append = [](png_structp from, png_bytep bytes, std::size_t count) {
    auto& to = *static_cast<std::vector<std::uint8_t>*>(png_get_io_ptr(from));
    to.insert(to.end(), bytes, bytes + count);
  };
  png_set_write_fn(png, &file, append, [](png_structp) {});
  png_set_filter(png, PNG_FILTER_TYPE_BASE, PNG_FILTER_NONE);
  png_set_IHDR(png, info, static_cast<png_uint_32>(width), static_cast<png_uint_32>(height), 8, PNG_COLOR_TYPE_PALETTE,
               PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_BASE, PNG_FILTER_TYPE_BASE);
  std::vector<png_color> entries;
  for (const Colour colour : palette) entries.push_back({colour.red, colour.green, colour.blue});
  png_set_PLTE(png, info, entries.data(), static_cast<int>(entries.size()));
  png_write_info(png, info);
  for (int y = 0; y < height; ++y) png_write_row(png, samples.data() + std::ptrdiff_t{y} * width);
  png_write_end(png, nullptr);
  png_destroy_write_struct(&png, &info);
  return file;
}

void measure_writing(const Dataset& masks, const Settings& settings) {
  struct Samples {
    int height, width;
    std::vector<std::uint8_t> values;
  };
  std::vector<Samples> all;
  for (const DatasetItem& item : masks.items()) {
    const LabelMap map = read_mask(item.image);
    Samples samples{map.height, map.width, {}};
    for (const std::int32_t label : map.labels) samples.values.push_back(static_cast<std::uint8_t>(label));
    all.push_back(std::move(samples));
  }
  const std::vector<Colour> palette(256);
  std::size_t peer = 0;
  std::size_t own = 0;
  const auto times = in_turns(settings.seconds, {[&] {
                                                   own = 0;
                                                   for (const auto& [height, width, values] : all) {
                                                     own += io_detail::encode_png({.kind = io_detail::PngKind::palette8,
                                                                                   .height = height,
                                                                                   .width = width,
                                                                                   .samples = values,
                                                                                   .palette = palette})
                                                                .size();
                                                   }
                                                 },
                                                 [&] {
                                                   peer = 0;
                                                   for (const auto& [height, width, values] : all)
                                                     peer += by_libpng(height, width, values, palette).size();
                                                 }});
  std::printf("writing: %.2f times libpng's speed, %.3f times its size\n", median_ratio(times[0], times[1]),
              static_cast<double>(own) / static_cast<double>(peer));
}

/// The stored values, as other programs get them from libpng.
std::vector<std::uint8_t> decoded_by_libpng(const fs::path& path) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  std::vector<std::uint8_t> values;
  std::vector<std::uint8_t> palette(256 * 4);
  if (png_image_begin_read_from_file(&image, path.c_str()) == 0) throw std::runtime_error(image.message);
  if ((image.format & PNG_FORMAT_FLAG_COLORMAP) == 0) image.format = PNG_FORMAT_GRAY;
  values.resize(PNG_IMAGE_SIZE(image));
  if (png_image_finish_read(&image, nullptr, values.data(), 0, palette.data()) == 0)
    throw std::runtime_error(image.message);
  return values;
}

void measure_evaluation(const Dataset& masks, const Settings& settings) {
  std::vector<ImageTruth> pairs;
  for (const DatasetItem& item : masks.items()) {
    if (!item.truth.empty()) pairs.push_back({static_cast<std::int64_t>(pairs.size()), item});
  }
  LabelSizes sizes;
  sizes.clusters = {settings.clusters};
  const std::vector<EvaluateConfig::Protocol> protocols = {EvaluateConfig::Protocol::strict,
                                                           EvaluateConfig::Protocol::datus_compat};
  const Comparison comparison{
      .dataset = masks, .masks = masks_of_items(), .sizes = sizes, .protocols = protocols, .threads = settings.threads};
  SelfCommunicator comm;
  ScoreRequest request;
  request.protocols = comparison.protocols;
  request.clusters = settings.clusters;
  request.threads = settings.threads;
  const auto for_each_pair = [&](const std::function<void(const DatasetItem&)>& body) {
    parallel_for(std::ssize(pairs), settings.threads,
                 [&](std::int64_t i) { body(pairs[static_cast<std::size_t>(i)].truth); });
  };
  const auto size_of = [](const Labels& labels) {
    return std::visit([](const auto& map) { return map.labels.size(); }, labels);
  };
  const auto require_same = [](std::size_t one, std::size_t other) {
    if (one != other) throw std::runtime_error("masks and truth differ in size");
  };
  const auto times =
      in_turns(settings.seconds,
               {[&] {
                  const auto images = compare_images(pairs, comparison, [] {});
                  (void)score_images(images.front(), request, comm);
                },
                [&] {
                  for_each_pair([&](const DatasetItem& item) {
                    require_same(size_of(masks.read_truth_labels(item)), size_of(read_mask_labels(item.image)));
                  });
                },
                [&] {
                  for_each_pair([](const DatasetItem& item) {
                    if (decoded_by_libpng(item.truth).empty() || decoded_by_libpng(item.image).empty())
                      throw std::runtime_error("no pixels");
                  });
                }});
  const double images = static_cast<double>(pairs.size());
  std::printf(
      "evaluating: %.2f times the speed of libpng's decoding alone, %.2f times that of decoding alone as datus does "
      "it\n"
      "  (%zu pairs; of one: evaluating %.0f us, decoding by libpng %.0f us, by datus %.0f us)\n",
      median_ratio(times[0], times[2]), median_ratio(times[0], times[1]), pairs.size(), 1e6 * median(times[0]) / images,
      1e6 * median(times[2]) / images, 1e6 * median(times[1]) / images);
}

int run(int argc, char** argv) {
  CLI::App app("Masks: writing them, and evaluating them");
  Settings settings;
  auto* predictions = app.add_option("--predictions", settings.predictions, "Folder of masks; default: made-up ones");
  app.add_option("--truth", settings.truth, "Folder of ground truth, as index PNGs")->needs(predictions);
  app.add_option("--images", settings.images, "Of made-up ones");
  app.add_option("--clusters", settings.clusters, "As many as the masks were made with");
  app.add_option("--threads", settings.threads, "For evaluating");
  app.add_option("--seconds,--benchmark_min_time", settings.seconds, "For each measurement, at least");
  CLI11_PARSE(app, argc, argv);
  const test::TempFolder folder;
  if (settings.predictions.empty()) {
    settings.predictions = folder / "masks";
    settings.truth = folder / "truth";
    if (settings.seconds < 1) settings.images = std::min(settings.images, 2);
    write_areas(settings);
  }
  DatasetOptions options;
  options.kind = "index_png";
  options.images = settings.predictions;
  options.truth = settings.truth;
  options.images_are_predictions = true;
  const auto masks = open_dataset(options);
  measure_writing(*masks, settings);
  measure_evaluation(*masks, settings);
  return 0;
}

}  // namespace
}  // namespace datus::bench

int main(int argc, char** argv) {
  return datus::bench::exit_code_of("bench_masks", &datus::bench::run, argc, argv);
}
