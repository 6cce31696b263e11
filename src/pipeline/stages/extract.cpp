// SPDX-License-Identifier: Apache-2.0
#include "datus/pipeline/extract.hpp"

#include "datus/comm/self_communicator.hpp"
#include "datus/core/error.hpp"
#include "datus/core/half.hpp"
#include "datus/core/log.hpp"
#include "datus/core/parallel.hpp"
#include "datus/core/ready_future.hpp"
#include "pipeline/files/keys_file.hpp"
#include "pipeline/files/keys_writer.hpp"
#include "pipeline/inputs/load_images.hpp"
#include "pipeline/inputs/options_of_config.hpp"
#include "pipeline/inputs/plain_images.hpp"
#include "pipeline/session/progress.hpp"
#include "pipeline/stages/extract.hpp"

#include <algorithm>
#include <cmath>
#include <span>
#include <type_traits>
#include <utility>

namespace datus {

KeyType key_type(const StorageConfig& storage) {
  switch (storage.embeddings) {
    case StorageConfig::Embeddings::float32:
      return KeyType::float32;
    case StorageConfig::Embeddings::float16:
    case StorageConfig::Embeddings::none:  // rounded all the same
      break;
  }
  return KeyType::float16;
}

namespace {

bool is_finite(std::span<const half> row) {
  return all_finite(row);
}
bool is_finite(std::span<const float> row) {
  return std::ranges::all_of(row, [](float value) { return std::isfinite(value); });
}

/// Throws where a value is NaN or infinite, naming its image; rows of `row_size` values.
template <class Values>
void require_finite(const Values& values, const std::string& what, std::size_t row_size,
                    const std::vector<std::string>& names, int threads) {
  if (values.empty()) return;
  const std::size_t rows = values.size() / row_size;
  // Bytes, not bits: each row has its own, whatever thread writes it.
  std::vector<std::uint8_t> is_sound(rows, 1);
  parallel_for(static_cast<std::int64_t>(rows), threads, [&](std::int64_t r) {
    const auto row = static_cast<std::size_t>(r);
    is_sound[row] = is_finite(std::span(values).subspan(row * row_size, row_size)) ? 1 : 0;
  });
  const auto bad = std::ranges::find(is_sound, std::uint8_t{0});
  if (bad == is_sound.end()) return;
  throw InputError(
      "An " + what + " of image " + names.at(static_cast<std::size_t>(bad - is_sound.begin())) + " is not finite",
      std::is_same_v<typename Values::value_type, half> ? "NaN, or beyond the range of float16" : "NaN or infinite",
      "Check the weights, or set storage.embeddings: float32.");
}

/// Which patches are of the images; nothing where all are.
std::vector<std::uint8_t> valid_patches(const std::vector<InputImage>& inputs, GridSize grid) {
  std::vector<std::uint8_t> valid;
  if (std::ranges::all_of(inputs, [](const auto& input) { return input.valid.empty(); })) return valid;
  for (const auto& input : inputs) {
    if (input.valid.empty()) {
      valid.insert(valid.end(), static_cast<std::size_t>(grid.patches()), 1);
    } else {
      valid.insert(valid.end(), input.valid.begin(), input.valid.end());
    }
  }
  return valid;
}

/// Some of the images of a call.
struct Places {
  std::size_t first;
  std::size_t count;
};

/// The values of those images, a copy; rows of `row` values.
template <class Values>
Values rows_at(const Values& all, Places places, std::size_t row, int threads) {
  if (all.empty()) return {};
  Values rows(places.count * row);
  parallel_for(static_cast<std::int64_t>(places.count), threads, [&](std::int64_t i) {
    const auto at = static_cast<std::ptrdiff_t>(static_cast<std::size_t>(i) * row);
    const auto begin = all.begin() + static_cast<std::ptrdiff_t>(places.first * row) + at;
    std::copy(begin, begin + static_cast<std::ptrdiff_t>(row), rows.begin() + at);
  });
  return rows;
}

VisionTransformer::Features features_at(const VisionTransformer::Features& all, Places places, const KeysFile& file,
                                        int threads) {
  const std::size_t row = file.values_per_image();
  return {.grid = all.grid,
          .embeddings = rows_at(all.embeddings, places, row, threads),
          .cls = rows_at(all.cls, places, static_cast<std::size_t>(file.cls_dim), threads),
          .halves = rows_at(all.halves, places, row, threads)};
}

/// The file with what the model has made, if that is finite; `names`: of its images.
KeysFile with_features(KeysFile file, VisionTransformer::Features found, const std::vector<std::string>& names,
                       int threads) {
  require_finite(found.halves, "embedding", file.values_per_image(), names, threads);
  require_finite(found.embeddings, "embedding", file.values_per_image(), names, threads);
  require_finite(found.cls, "CLS vector", static_cast<std::size_t>(file.cls_dim), names, threads);
  file.cls = std::move(found.cls);
  file.keys = file.keys.type() == KeyType::float16 ? KeyValues(std::move(found.halves))
                                                   : KeyValues(std::move(found.embeddings));
  return file;
}

}  // namespace

KeysFile keys_of_no_image(const Backbone& backbone, GridSize grid, KeyType type) {
  KeysFile file;
  file.grid = grid;
  file.patch = backbone.architecture().patch;
  file.dim = backbone.architecture().dim;
  file.cls_dim = backbone.image_vector_dim({grid.rows * file.patch, grid.cols * file.patch});
  file.preprocessing = backbone.preprocessing_text();
  file.keys = KeyValues(type);
  return file;
}

std::future<KeysFile> begin_keys(const std::vector<InputImage>& inputs, const Backbone& backbone, GridSize grid,
                                 KeyType type, const std::vector<std::string>& names, int threads,
                                 std::byte* kept_on_gpu) {
  KeysFile file = keys_of_no_image(backbone, grid, type);
  if (inputs.empty()) return ready_future(std::move(file));
  file.valid = valid_patches(inputs, grid);
  std::vector<const Image*> images;
  images.reserve(inputs.size());
  for (const auto& input : inputs) images.push_back(&input.input);
  auto features = backbone.begin_embed(images, file.cls_dim > 0, type == KeyType::float16, kept_on_gpu);
  const auto finish = [names, threads](KeysFile made, std::future<VisionTransformer::Features> from) {
    return with_features(std::move(made), from.get(), names, threads);
  };
  return std::async(std::launch::deferred, finish, std::move(file), std::move(features));
}

std::vector<std::future<KeysFile>> begin_keys_together(const std::vector<KeysPart>& parts, const Backbone& backbone,
                                                       GridSize grid, KeyType type, int threads) {
  std::vector<std::future<KeysFile>> files;
  std::vector<const Image*> images;
  for (const KeysPart& part : parts) {
    if (part.inputs->empty()) continue;
    // Any image will do where nobody is.
    images.resize(part.place, images.empty() ? &part.inputs->front().input : images.front());
    for (const auto& input : *part.inputs) images.push_back(&input.input);
  }
  if (parts.size() == 1 && images.size() == parts.front().inputs->size()) {
    const KeysPart& alone = parts.front();
    files.push_back(begin_keys(*alone.inputs, backbone, grid, type, alone.names, threads, alone.kept_on_gpu));
    return files;
  }
  const KeysFile empty = keys_of_no_image(backbone, grid, type);
  std::shared_future<VisionTransformer::Features> all;
  if (!images.empty()) all = backbone.begin_embed(images, empty.cls_dim > 0, type == KeyType::float16).share();
  for (const KeysPart& part : parts) {
    KeysFile file = empty;
    if (part.inputs->empty()) {
      files.push_back(ready_future(std::move(file)));
      continue;
    }
    file.valid = valid_patches(*part.inputs, grid);
    const Places places{part.place, part.inputs->size()};
    const auto finish = [places, names = part.names, threads](KeysFile made,
                                                              std::shared_future<VisionTransformer::Features> from) {
      auto own = features_at(from.get(), places, made, threads);
      from = {};  // the last one frees them
      return with_features(std::move(made), std::move(own), names, threads);
    };
    files.push_back(std::async(std::launch::deferred, finish, std::move(file), all));
  }
  return files;
}

namespace {

/// Images of a plain run: those that decode, and those that do not. A first pass over the files, so that the size of
/// the output is known before its first row is written. Says which have further pages.
std::pair<std::vector<DatasetItem>, UnreadableImages> sort_out_unreadable(const Dataset& dataset,
                                                                          Orientation orientation, int threads) {
  const auto& items = dataset.items();
  std::vector<std::string> reasons(items.size());
  std::vector<std::uint8_t> has_more(items.size());
  Progress progress("looking at the images", std::ssize(items), false);
  parallel_for(static_cast<std::int64_t>(items.size()), threads, [&](std::int64_t i) {
    const auto index = static_cast<std::size_t>(i);
    try {
      has_more[index] = read_image_header(items[index].image).has_more ? 1 : 0;
      (void)read_image(items[index].image, orientation);
    } catch (const InputError& error) {
      reasons[index] = error.what();
    }
    progress.add(1);
  });
  std::vector<DatasetItem> readable;
  UnreadableImages unreadable;
  std::vector<std::string> with_further_pages;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (has_more[i] != 0) with_further_pages.push_back(items[i].name);
    if (reasons[i].empty()) {
      readable.push_back(items[i]);
    } else {
      unreadable.emplace_back(items[i].name, reasons[i]);
    }
  }
  log_further_pages(with_further_pages);
  return {std::move(readable), std::move(unreadable)};
}

}  // namespace

UnreadableImages extract_to_file(const Config& config, const std::filesystem::path& images,
                                 const std::filesystem::path& out, int threads) {
  if (!config.storage.keeps_embeddings()) {
    throw UsageError("Nothing to write", "storage.embeddings is none",
                     "Set it to float16 or float32 for this command.");
  }
  const auto dataset = open_plain_images(images);
  guard_of_images(images, *dataset, {*config.model.weights}).check(out);
  log_left_out(*dataset, images);
  const Orientation orientation = orientation_of(config.dataset);
  const SelfCommunicator alone;
  Backbone backbone(config.model, *config.model.weights, place_model(config.model, alone), threads);
  if (!backbone.doubt().empty()) log::warning(backbone.doubt());
  const InputPreparation preparation(config.model, backbone.architecture().patch, backbone.resample());
  auto [items, unreadable] = sort_out_unreadable(*dataset, orientation, threads);
  if (items.empty()) {
    throw InputError("None of the " + std::to_string(unreadable.size()) + " images can be read",
                     unreadable.front().second, "Check --images.");
  }

  std::vector<std::string> names;
  for (const auto& item : items) names.push_back(item.name);
  const KeyType type = key_type(config.storage);
  KeysWriter writer(out, keys_of_no_image(backbone, preparation.grid(), type), names, has_padding(config.model.resize));
  Progress progress("extract", std::ssize(items), false);
  backbone.before_each_batch([&](std::size_t done) { progress.pieces_done(done); });
  const auto step = static_cast<std::size_t>(std::max(config.model.batch_size, threads));
  // While a GPU is at the last images, the next ones are read.
  std::future<KeysFile> last;
  for (std::size_t begin = 0; begin < items.size(); begin += step) {
    const std::size_t end = std::min(begin + step, items.size());
    std::vector<std::filesystem::path> paths;
    for (std::size_t i = begin; i < end; ++i) paths.push_back(items[i].image);
    const auto inputs = load_required_images(paths, orientation, preparation, threads,
                                             "it changed: it could be read a moment ago", [&] { progress.add(0.5); });
    const std::vector<std::string> part(names.begin() + static_cast<std::ptrdiff_t>(begin),
                                        names.begin() + static_cast<std::ptrdiff_t>(end));
    progress.begin_pieces(0.5 * static_cast<double>(end - begin), static_cast<std::int64_t>(end - begin));
    auto next = begin_keys(inputs, backbone, preparation.grid(), type, part, threads);
    progress.end_pieces();
    if (last.valid()) writer.append(last.get());
    last = std::move(next);
  }
  if (last.valid()) writer.append(last.get());
  writer.finish();
  return unreadable;
}

}  // namespace datus
