// SPDX-License-Identifier: Apache-2.0
#include "model/torch/torch_transformer.hpp"

#include "datus/core/error.hpp"
#include "datus/core/half.hpp"
#include "datus/core/parallel.hpp"
#include "datus/core/text.hpp"
#include "datus/model/weight_branch.hpp"
#include "datus/model/weights.hpp"
#include "model/torch/single_thread.hpp"
#include "model/vit/vit_plan.hpp"
#include "model/weights/hub_config.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

#include <ATen/core/Tensor.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/from_blob.h>
#include <c10/core/InferenceMode.h>
#include <c10/util/Exception.h>

namespace datus {
namespace {

/// Runs `body` as one unit of work of LibTorch: on this thread, without autograd, its errors turned
/// into ours.
template <class Body>
auto compute(const Body& body) {
  use_calling_thread_only();
  const c10::InferenceMode inference;
  try {
    return body();
  } catch (const c10::Error& error) {
    throw SystemError("the Vision Transformer could not be run", error.what_without_backtrace(),
                      "Check the memory; use a smaller model.input_size.");
  }
}

void copy_rows(const at::Tensor& rows, std::span<float> to) {
  const at::Tensor contiguous = rows.contiguous();
  std::copy_n(contiguous.data_ptr<float>(), to.size(), to.data());
}

}  // namespace

void check_size(std::size_t actual, std::size_t expected, const char* what) {
  if (actual == expected) return;
  throw SystemError(std::string(what) + " has " + std::to_string(actual) + " values",
                    std::to_string(expected) + " fit the sizes given with it", "Pass the whole array.");
}

void check_segment_map(std::span<const std::int16_t> map, int segments) {
  std::vector<bool> seen(static_cast<std::size_t>(std::max(segments, 0)), false);
  for (const std::int16_t segment : map) {
    if (segment < -1 || segment >= segments) {
      throw InputError("a segment map names segment " + std::to_string(segment),
                       "it has " + std::to_string(segments) + " segments", "Make the segments again.");
    }
    if (segment >= 0) seen[static_cast<std::size_t>(segment)] = true;
  }
  const auto missing = std::ranges::find(seen, false);
  if (missing == seen.end()) return;
  throw InputError("segment " + std::to_string(missing - seen.begin()) + " of an image has no patches",
                   "its descriptor would be undefined", "Make the segments again.");
}

TorchTransformer::State::Stream TorchTransformer::State::embed(std::span<const float> image, int height, int width,
                                                               GridSize grid) {
  const std::int64_t p = architecture.patch;
  // LibTorch has no view of constant data; nothing writes to this one.
  const at::Tensor pixels = at::from_blob(const_cast<float*>(image.data()), {3, height, width}, at::kFloat);
  const at::Tensor patches = pixels.narrow(1, 0, grid.rows * p)
                                 .narrow(2, 0, grid.cols * p)
                                 .reshape({3, grid.rows, p, grid.cols, p})
                                 .permute({1, 3, 0, 2, 4})
                                 .reshape({grid.patches(), 3 * p * p});
  const TokenBase::Grid base = token_base.get(grid, height == width);
  Stream stream{base.tokens.clone(), base.rotary, {base.rotary.get(), architecture.leading_tokens()}};
  stream.patches(stream.tokens).addmm_(patches, weights.patch_embedding.weight.t());
  return stream;
}

at::Tensor TorchTransformer::State::cls_only(const Stream& image, const at::Tensor& normalised, const at::Tensor& keys,
                                             const at::Tensor& values, std::size_t layer) const {
  const TransformerBlock& block = weights.blocks[layer];
  at::Tensor cls = image.tokens.narrow(0, 0, 1).clone();
  const at::Tensor query = block.project(normalised.narrow(0, 0, 1), ProjectionPart::query);
  block.place(keys, image.positions);
  block.finish(cls, block.attention().attend(query, keys, values));
  return weights.final_norm(cls);
}

at::Tensor TorchTransformer::State::image_vector(const at::Tensor& normalised_patches) const {
  const auto apply = [](const at::Tensor& x, const Linear& layer) {
    return at::addmm(layer.bias, x, layer.weight.t());
  };
  const at::Tensor flat = normalised_patches.reshape({1, normalised_patches.numel()});
  return apply(apply(flat, weights.image_head->first), weights.image_head->second);
}

void TorchTransformer::State::read(Stream image, const Readout& readout, std::span<float> embeddings,
                                   std::span<float> cls) const {
  at::Tensor& tokens = image.tokens;
  for (std::size_t b = 0; b < readout.layer; ++b) weights.blocks[b].run(tokens, image.positions);
  const TransformerBlock& block = weights.blocks[readout.layer];
  const bool is_token = readout.feature == PatchFeature::token;
  const bool needs_all = is_token || (readout.cls && !architecture.has_cls);
  const at::Tensor normalised = is_token ? at::Tensor() : block.normalise(tokens);
  if (!is_token) {
    const auto part = [&](ProjectionPart wanted) { return block.project(normalised, wanted); };
    const bool key = readout.feature == PatchFeature::key;
    const bool value = readout.feature == PatchFeature::value;
    const bool cls_here = readout.cls && !needs_all;
    const at::Tensor keys = key || cls_here ? part(ProjectionPart::key) : at::Tensor();
    const at::Tensor values = value || cls_here ? part(ProjectionPart::value) : at::Tensor();
    copy_rows(image.patches(key ? keys : value ? values : part(ProjectionPart::query)), embeddings);
    if (cls_here) copy_rows(cls_only(image, normalised, keys, values, readout.layer), cls);
  }
  if (!needs_all) return;
  block.run(tokens, image.positions);
  const at::Tensor final = weights.final_norm(tokens);
  if (is_token) copy_rows(image.patches(final), embeddings);
  if (readout.cls) copy_rows(architecture.has_cls ? final.narrow(0, 0, 1) : image_vector(image.patches(final)), cls);
}

std::size_t TorchTransformer::State::layer_number(int layer) const {
  const int depth = architecture.depth;
  if (layer >= -depth && layer < depth) return static_cast<std::size_t>(layer < 0 ? layer + depth : layer);
  throw UsageError("model.layer is " + std::to_string(layer), "the model has " + std::to_string(depth) + " blocks",
                   "Use 0 to " + std::to_string(depth - 1) + ", or -1 for the last.");
}

std::unique_ptr<Transformer> TorchTransformer::load(const std::filesystem::path& path, const ViTOptions& options) {
  if (options.threads < 1) {
    throw UsageError("a Vision Transformer with " + std::to_string(options.threads) + " threads",
                     "it needs at least one", "Use 1 or more.");
  }
  if (!options.gpu && options.precision != Precision::float32) {
    throw UsageError(std::string("a Vision Transformer in ") + to_string(options.precision) + " on the CPU",
                     "16-bit numbers gain nothing there",
                     "Set model.precision: auto or float32, or model.device: cuda.");
  }
  const WeightFile file = WeightFile::open(path);
  const WeightBranch branch = choose_branch(file.tensors(), options.branch, file.source());
  const ViTPlan plan = plan_vit(branch, options, read_hub_config(file.source()));
  auto state = std::make_unique<State>();
  state->architecture = plan.architecture;
  state->preprocessing = find_preprocessing(file.source(), published_preprocessing(plan));
  state->threads = options.threads;
  state->weights = compute([&] { return load_vit_weights(file, branch, plan); });
  if (options.gpu) {
    state->device = make_gpu_transformer(state->architecture, state->weights, state->token_base, *options.gpu,
                                         options.precision, options.cuda_graphs, options.threads);
    state->weights.blocks.clear();
    state->weights.image_head.reset();
  }
  return std::make_unique<TorchTransformer>(std::move(state));
}

TorchTransformer::TorchTransformer(std::unique_ptr<State> state) : state_(std::move(state)) {}
TorchTransformer::~TorchTransformer() = default;

const ViTArchitecture& TorchTransformer::architecture() const noexcept {
  return state_->architecture;
}
const Preprocessing& TorchTransformer::preprocessing() const noexcept {
  return state_->preprocessing;
}
Hash TorchTransformer::weights_hash() const noexcept {
  return state_->weights.hash;
}

void TorchTransformer::require_image_vector(int height, int width) const {
  if (image_vector_dim(height, width) > 0) return;
  const ViTArchitecture& model = state_->architecture;
  if (model.image_vector_dim == 0) {
    throw UsageError("models of the family " + model.family + " have no vector for an image",
                     "they have no CLS token and no head that makes one", "Use descriptor.kind: mean_key.");
  }
  throw UsageError(
      "a " + model.family + " model has no vector for an image of " + dimensions_text(height, width) + " pixels",
      "it has no CLS token, and its head takes all patches of an image of its native size",
      "Use inputs and crops of " + std::to_string(model.native_grid * model.patch) +
          " pixels, or descriptor.kind: mean_key.");
}

void TorchTransformer::require_cls() const {
  if (state_->architecture.has_cls) return;
  throw UsageError("a " + state_->architecture.family + " model cannot make masked_cls descriptors",
                   "it has no CLS token", "Use another descriptor.kind.");
}

Transformer::Features TorchTransformer::forward(std::span<const float> images, int batch, int height, int width,
                                                const Request& request) const {
  const GridSize size = grid(height, width);
  const auto count = static_cast<std::size_t>(std::max(batch, 0));
  const std::size_t image_values = 3 * static_cast<std::size_t>(height) * static_cast<std::size_t>(width);
  check_size(images.size(), count * image_values, "a batch of images");
  const Readout readout{state_->layer_number(request.layer), request.feature, request.cls};
  if (request.cls && count > 0) require_image_vector(height, width);
  if (state_->device && count > 0) {
    Features features = state_->device->forward(images, batch, height, width, size, readout);
    if (!request.halves) return features;
    features.halves.resize(features.embeddings.size());
    to_half(features.embeddings, features.halves);
    features.embeddings.clear();
    return features;
  }
  const auto dim = static_cast<std::size_t>(state_->architecture.dim);
  const auto vector_dim = static_cast<std::size_t>(state_->architecture.image_vector_dim);
  const std::size_t embedding_values = static_cast<std::size_t>(size.patches()) * dim;

  Features features{size, {}, {}};
  if (request.halves) {
    features.halves.resize(count * embedding_values);
  } else {
    features.embeddings.resize(count * embedding_values);
  }
  if (request.cls) features.cls.resize(count * vector_dim);
  parallel_for(batch, state_->threads, [&](std::int64_t index) {
    const auto i = static_cast<std::size_t>(index);
    compute([&] {
      const std::span<float> cls =
          request.cls ? std::span(features.cls).subspan(i * vector_dim, vector_dim) : std::span<float>();
      std::vector<float> room(request.halves ? embedding_values : 0);
      const std::span<float> embeddings =
          request.halves ? std::span(room)
                         : std::span(features.embeddings).subspan(i * embedding_values, embedding_values);
      state_->read(state_->embed(images.subspan(i * image_values, image_values), height, width, size), readout,
                   embeddings, cls);
      if (request.halves) to_half(room, std::span(features.halves).subspan(i * embedding_values, embedding_values));
    });
  });
  return features;
}

std::vector<float> TorchTransformer::segment_cls(std::span<const float> image, int height, int width,
                                                 std::span<const std::int16_t> segment_map, int segments) const {
  const GridSize size = grid(height, width);
  check_size(image.size(), 3 * static_cast<std::size_t>(height) * static_cast<std::size_t>(width), "an image");
  check_size(segment_map.size(), static_cast<std::size_t>(size.patches()), "a segment map");
  check_segment_map(segment_map, segments);
  require_cls();
  if (segments <= 0) return {};
  return compute([&] {
    State::Stream stream = state_->embed(image, height, width, size);
    const auto& blocks = state_->weights.blocks;
    for (std::size_t b = 0; b + 1 < blocks.size(); ++b) blocks[b].run(stream.tokens, stream.positions);
    const TransformerBlock& last = blocks.back();
    const at::Tensor normalised = last.normalise(stream.tokens);
    const at::Tensor keys = last.project(normalised, ProjectionPart::key);
    last.place(keys, stream.positions);
    const at::Tensor attention = last.attention().attend_segments(
        last.project(normalised.narrow(0, 0, 1), ProjectionPart::query), stream.patches(keys),
        last.project(stream.patches(normalised), ProjectionPart::value), segment_map, segments);
    at::Tensor cls = stream.tokens.narrow(0, 0, 1).repeat({segments, 1});
    last.finish(cls, attention);
    std::vector<float> descriptors(static_cast<std::size_t>(cls.numel()));
    copy_rows(state_->weights.final_norm(cls), descriptors);
    return descriptors;
  });
}

}  // namespace datus
