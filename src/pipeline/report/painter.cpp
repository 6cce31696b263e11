// SPDX-License-Identifier: Apache-2.0
#include "pipeline/report/painter.hpp"

#include "datus/core/error.hpp"
#include "datus/core/hash.hpp"
#include "datus/core/text.hpp"
#include "datus/io/encoded_image.hpp"
#include "datus/io/image_reader.hpp"
#include "datus/io/mask_file.hpp"
#include "pipeline/inputs/input_preparation.hpp"
#include "pipeline/report/html.hpp"
#include "pipeline/report/thumbnails.hpp"
#include "pipeline/stages/mask.hpp"

#include <algorithm>
#include <span>
#include <utility>

namespace datus {
namespace {

namespace fs = std::filesystem;

/// Raised when pictures are drawn otherwise: those that are there are drawn anew.
constexpr std::int64_t drawing_version = 1;
constexpr int photo_quality = 82;
constexpr int cutout_quality = 78;
constexpr int cutout_side = 96;
constexpr int segment_colours = 48;

Palette palette_of(const ReportResult& result) {
  Palette palette;
  for (const ReportCluster& cluster : result.clusters) palette.colours.push_back(cluster.colour);
  return palette;
}

std::vector<CellCount> count_pixels(const LabelMap& mask, int k, const std::optional<LabelMap>& truth, int classes) {
  const auto columns = static_cast<std::size_t>(classes) + 1;  // the first one: no label
  std::vector<std::int64_t> counts((static_cast<std::size_t>(k) + 1) * columns);
  for (std::size_t i = 0; i < mask.labels.size(); ++i) {
    const std::int32_t label = truth ? truth->labels[i] : no_label;
    ++counts[static_cast<std::size_t>(mask.labels[i] + 1) * columns + static_cast<std::size_t>(label + 1)];
  }
  std::vector<CellCount> cells;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] == 0) continue;
    cells.push_back({.cluster = static_cast<std::int32_t>(i / columns) - 1,
                     .label = static_cast<std::int32_t>(i % columns) - 1,
                     .pixels = counts[i]});
  }
  return cells;
}

/// By its content, so that pictures are the same wherever the data lies; empty for a file that cannot be read.
std::string sign_of(const fs::path& file) {
  try {
    return hash_file(file).hex();
  } catch (const InputError&) {
    return {};
  }
}

}  // namespace

Painter::Painter(const RunContext& run, const std::vector<ReportResult>& results, const ReportClasses& classes,
                 std::int64_t most_pixels)
    : run_(run),
      results_(results),
      classes_(classes.count),
      most_pixels_(most_pixels),
      masks_(masks_of_run(run)),
      shard_inputs_([this](ShardIndex shard) { return inputs_of_shard(shard); }),
      segments_([this, segments = run.provenance.of(Stage::segment)](ShardIndex shard) {
        return read_segments(run_.directory.segments(shard), segments.of_shard(shard));
      }),
      class_palette_(classes.palette()),
      segment_palette_(distinct_palette(segment_colours)) {
  Hasher hasher;
  hasher.add(drawing_version).add(std::int64_t{classes_}).add(most_pixels);
  for (const Colour colour : class_palette_.colours) hasher.add(hex_colour(colour));
  hasher.add(run.provenance.of(Stage::segment).hash().hex());
  for (const ReportResult& result : results) {
    hasher.add(std::int64_t{result.k});
    for (const ReportCluster& cluster : result.clusters) hasher.add(hex_colour(cluster.colour));
    if (!result.evaluation) continue;
    // What is read as which class may change without the files: label maps, void values.
    for (const std::int64_t pixels : result.evaluation->truth.of_class) hasher.add(pixels);
    hasher.add(result.evaluation->truth.void_pixels);
  }
  common_ = hasher.finish().hex();
}

fs::path Painter::file_of(const RunDirectory& directory, std::int64_t image) {
  return directory.report().parent_path() / "pictures" / (zero_padded(image, 6) + ".js");
}

Painter::ShardInputs Painter::inputs_of_shard(ShardIndex shard) const {
  Hasher hasher;
  for (const ReportResult& result : results_) {
    masks_.require(result.k, shard);
    hasher.add(run_.provenance.of(Stage::mask, result.k).of_shard(shard).hash().hex());
  }
  return {.masks = hasher.finish().hex(), .contents = image_contents(run_.directory, run_.list, shard)};
}

std::string Painter::inputs_of(const PictureRequest& request) const {
  const auto place = static_cast<std::size_t>(request.image);
  const ListedImage& listed = run_.list.images[place];
  Hasher hasher;
  hasher.add(common_).add(listed.name).add(listed.bytes);
  const auto of_shard = shard_inputs_.of(shard_of(request.image));
  if (of_shard->contents) {
    const auto content = of_shard->contents->hex.find(request.image);
    if (content != of_shard->contents->hex.end()) hasher.add(content->second);
  }
  hasher.add(std::int64_t{request.is_shown ? 1 : 0});
  for (const int segment : request.segments) hasher.add(std::int64_t{segment});
  if (!request.is_shown) return hasher.finish().hex();
  // A shard's masks are decided by what they are made from.
  hasher.add(of_shard->masks);
  if (const DatasetItem& item = run_.dataset->items()[place]; !item.truth.empty()) hasher.add(sign_of(item.truth));
  return hasher.finish().hex();
}

std::optional<ReportPicture> Painter::picture(const PictureRequest& request) const {
  const fs::path file = file_of(run_.directory, request.image);
  const std::string inputs = inputs_of(request);
  if (const auto text = text_of_file(file)) {
    if (auto known = picture_from(*text, inputs)) return known;
  }
  auto picture = draw(request);
  if (!picture) return std::nullopt;
  picture->inputs = inputs;
  write_text_atomically(file, to_text(*picture), run_.writing());
  return picture;
}

std::optional<ReportPicture> Painter::draw(const PictureRequest& request) const {
  Image original;
  try {
    original = read_image(run_.image_path(request.image), run_.orientation());
  } catch (const InputError&) {
    return std::nullopt;
  }
  ReportPicture picture{
      .image = request.image, .inputs = {}, .photo = {}, .maps = {}, .still = {}, .pixels = {}, .cutouts = {}};
  const LabelMap segments = segments_of(request.image, original.height, original.width);
  for (const int segment : request.segments) {
    const Image part = cutout(original, segments, segment, cutout_side);
    if (!part.pixels.empty()) picture.cutouts[segment] = base64(jpeg_bytes(part, cutout_quality));
  }
  if (!request.is_shown) return picture;
  const Image photo = thumbnail(original, most_pixels_);
  picture.height = photo.height;
  picture.width = photo.width;
  picture.photo = base64(jpeg_bytes(photo, photo_quality));
  draw_maps(request.image, picture, segments);
  return picture;
}

void Painter::draw_maps(std::int64_t image, ReportPicture& picture, const LabelMap& segments) const {
  const auto small = [&](const LabelMap& map) { return at_size(map, picture.height, picture.width); };
  const LabelMap few = small(segments);
  const int count = few.labels.empty() ? 0 : std::ranges::max(few.labels) + 1;
  picture.maps["segments"] = base64(label_png_bytes(few, count, segment_palette_));
  const auto truth = truth_of(image);
  if (truth) picture.maps["truth"] = base64(label_png_bytes(small(*truth), classes_, class_palette_));
  for (const ReportResult& result : results_) {
    const LabelMap mask = widened(masks_.read(result.k, image));
    // Masks may have the resolution of the model's input.
    const bool has_size = truth && truth->height == mask.height && truth->width == mask.width;
    picture.pixels[result.k] =
        count_pixels(mask, result.k, truth && !has_size ? at_size(*truth, mask.height, mask.width) : truth, classes_);
    const LabelMap map = small(mask);
    const Palette palette = palette_of(result);
    picture.maps[RunDirectory::cluster_name(result.k)] = base64(label_png_bytes(map, result.k, palette));
    if (!picture.still.empty()) continue;
    picture.still = needs_preview(result.k) ? base64(png_bytes(in_colours(map, palette)))
                                            : picture.maps[RunDirectory::cluster_name(result.k)];
  }
}

LabelMap Painter::segments_of(std::int64_t image, int height, int width) const {
  const auto of_shard = segments_.of(shard_of(image));
  const SegmentsFile& file = *of_shard;
  const auto place = std::ranges::find(file.images.image, image);
  if (place == file.images.image.end()) return {height, width};
  const auto index = static_cast<std::size_t>(place - file.images.image.begin());
  const auto patches = static_cast<std::size_t>(file.grid.patches());
  const auto map = std::span(file.segment).subspan(index * patches, patches);
  const InputPreparation preparation(run_.config.model, run_.config.model.input_size.rows / file.grid.rows,
                                     Resample::bicubic);
  return preparation.geometry(height, width).to_original(std::vector<std::int32_t>(map.begin(), map.end()));
}

/// Nothing where there is none, and where it cannot be read: then evaluation has failed and the page says why.
std::optional<LabelMap> Painter::truth_of(std::int64_t image) const {
  const DatasetItem& item = run_.dataset->items()[static_cast<std::size_t>(image)];
  if (item.truth.empty()) return std::nullopt;
  try {
    LabelMap truth = run_.dataset->read_truth(item);
    const bool fits = truth.labels.empty() || std::ranges::max(truth.labels) < classes_;
    return fits ? std::optional(std::move(truth)) : std::nullopt;
  } catch (const InputError&) {
    return std::nullopt;
  }
}

}  // namespace datus
