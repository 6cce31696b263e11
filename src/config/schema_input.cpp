// SPDX-License-Identifier: Apache-2.0
#include "config/dataset_type.hpp"
#include "config/key_adder.hpp"

namespace datus {
namespace {

/// The stages in which the model runs.
Stages embedding() {
  return {Stage::extract, Stage::describe};
}
/// The stages that map pixels of the image to pixels of the model's input.
Stages geometry() {
  return {Stage::extract, Stage::describe, Stage::mask};
}

void add_run(Keys& keys) {
  Adder add(keys, "run", &Config::run);
  add("directory", &RunConfig::directory, path_as_written(), {},
      "Folder of the run, relative to the current folder. Default: `runs/` and the name of the "
      "configuration file "
      "without its extension.");
  add("seed", &RunConfig::seed, integer<std::uint64_t>(0), {Stage::cluster}, "Seed of everything random.");
  add("grace", &RunConfig::grace, integer<int>(0), {},
      "Seconds that an open shard may take to end after a request to stop; later it is given up.");
  add("mixed_hardware", &RunConfig::mixed_hardware, boolean(), {},
      "Whether ranks with different backends may share a run, which makes results depend on who "
      "computed what.");
}

void add_dataset(Keys& keys) {
  using D = DatasetConfig;
  Adder add(keys, "dataset", &Config::dataset);
  add("kind", &D::kind, dataset_type(), {Stage::evaluate},
      "How images and ground truth are laid out, and what the ground truth means: a plain layout, or a description "
      "(`datus datasets` lists them).");
  add("images", &D::images, word_or("null", file_path()), {},
      "Folder of the images; of a described data set its root.");
  add("truth", &D::truth, word_or("null", file_path()), {},
      "Folder of the ground truth, which some images may be without. A described data set finds its own.");
  add("classes", &D::classes, class_source(), {Stage::evaluate},
      "Number of classes, or a file with their names: text, one per line, or JSON.");
  add("label_map", &D::label_map, word_or("null", name_or_path()), {Stage::evaluate},
      "From labels in the ground truth to classes: a built-in map such as `coco_stuff_15` or `suim8`, or a JSON file: "
      "an "
      "array with the class of each label, or an object {\"label\": class}; -1 is void.");
  add("void", &D::void_label, integer<int>(0, 65535), {Stage::evaluate},
      "Label in the ground truth of pixels that do not count, unless a label map makes it a class or a described data "
      "set "
      "says its own.");
  add("split", &D::split, word_or("null", word()), {}, "Part of the data set, such as `val`.");
  add("list", &D::list, word_or("null", file_path()), {},
      "Text file with the images to take, one per line. For `datus evaluate` on plain files: those to score.");
  add("shard_size", &D::shard_size, word_or("auto", integer<int>(1)), embedding(),
      "Images per shard: the unit of work, of storage and of resume. `auto`: 8 to 64, so that there are 16 shards or "
      "more where the images suffice; a run that is there keeps its own.");
  add("on_unreadable", &D::on_unreadable,
      choice<D::OnUnreadable>({{"report", D::OnUnreadable::report}, {"skip", D::OnUnreadable::skip}}), {},
      "Whether unreadable images, which are always listed, make the exit code 4.");
  add("orientation", &D::orientation,
      choice<D::Orientation>({{"stored", D::Orientation::stored}, {"exif", D::Orientation::exif}}), geometry(),
      "Whether pixels are taken as stored, or turned as the EXIF orientation says.");
}

void add_model_input(Adder<ModelConfig>& add) {
  using M = ModelConfig;
  add("weights", &M::weights, word_or("null", weights_path()), {},
      "Weights: a .pth or .safetensors file, the index of a sharded one, or its folder; or a name such as "
      "`dinov2-s14`, once `datus weights get` has fetched it.");
  add("input_size", &M::input_size, pixel_size(), geometry(),
      "Pixels of the model's input, a multiple of the patch size.");
  add("resize", &M::resize,
      choice<M::Resize>({{"squash", M::Resize::squash}, {"crop", M::Resize::crop}, {"pad", M::Resize::pad}}),
      geometry(),
      "How an image gets that size: squashed; by its shorter side and a centre crop; or with "
      "padding.");
  add("resample", &M::resample,
      word_or("auto", choice<M::Resample>({{"bicubic", M::Resample::bicubic}, {"bilinear", M::Resample::bilinear}})),
      embedding(), "Filter of the resize, antialiased; auto: that of a description beside the weights, or bicubic.");
  add("channel_order", &M::channel_order,
      choice<M::ChannelOrder>({{"rgb", M::ChannelOrder::rgb}, {"bgr", M::ChannelOrder::bgr}}), {Stage::extract},
      "Channel order of the input of extract; `bgr` reproduces the reference's mistake.");
  add("mean", &M::mean, word_or("auto", three_numbers(any_number<double>())), embedding(),
      "Mean of R, G and B that is subtracted, for pixels in [0, 1].");
  add("std", &M::standard_deviation, word_or("auto", three_numbers(positive_number())), embedding(),
      "Standard deviation of R, G and B that the result is divided by.");
}

void add_model_network(Adder<ModelConfig>& add) {
  using M = ModelConfig;
  add("eps", &M::eps, word_or("auto", positive_number()), embedding(), "Epsilon of the LayerNorms.");
  add("heads", &M::heads, word_or("auto", integer<int>(1)), embedding(), "Number of attention heads.");
  add("branch", &M::branch, word_or("auto", word()), embedding(),
      "Entry of the checkpoint that holds the weights, such as `teacher`.");
  add("position", &M::position,
      word_or("auto", choice<M::Position>({{"offset", M::Position::offset},
                                           {"size", M::Position::size},
                                           {"size_antialias", M::Position::size_antialias}})),
      embedding(), "How position embeddings are interpolated to another grid.");
  add("feature", &M::feature,
      choice<M::Feature>({{"key", M::Feature::key},
                          {"query", M::Feature::query},
                          {"value", M::Feature::value},
                          {"token", M::Feature::token}}),
      {Stage::extract}, "Which vector of a patch is its embedding.");
  add("layer", &M::layer, integer<int>(), {Stage::extract},
      "Block the embedding is taken from: 0 is the first, -1 the last.");
  add("flip", &M::flip, boolean(), {Stage::extract},
      "Whether a patch's embedding is the mean over the input and its mirror image, for twice the time of extract.");
  add("precision", &M::precision,
      word_or("auto", choice<M::Precision>({{"float32", M::Precision::float32},
                                            {"bfloat16", M::Precision::bfloat16},
                                            {"float16", M::Precision::float16}})),
      embedding(),
      "Numbers that the model computes with. `auto`: bfloat16 on a GPU, float32 on CPUs, which have no other.");
  add("batch_size", &M::batch_size, integer<int>(1), embedding(),
      "Inputs per forward pass of a GPU. What does not fit is halved once, before the first shard. Smaller shards "
      "share "
      "one: let it or `dataset.shard_size` be a multiple of the other.");
  add("device", &M::device, word_or("auto", choice<M::Device>({{"cpu", M::Device::cpu}, {"cuda", M::Device::cuda}})),
      {}, "Where the model runs. `auto`: on a GPU where there is one. A run goes on where it was started.");
  add("cuda_graphs", &M::cuda_graphs, boolean(), {},
      "Whether a GPU is given the work of a batch as one CUDA graph instead of kernel by kernel: for small models that "
      "end a batch before the host has started the next one. The same bits. Not tried on a card yet.");
}

void add_model(Keys& keys) {
  Adder add(keys, "model", &Config::model);
  add_model_input(add);
  add_model_network(add);
}

}  // namespace

void add_input_keys(Keys& keys) {
  add_run(keys);
  add_dataset(keys);
  add_model(keys);
}

}  // namespace datus
