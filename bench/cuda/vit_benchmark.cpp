// SPDX-License-Identifier: Apache-2.0
// Images per second of a Vision Transformer on a GPU: fed with images of the host, as the stages are, and with images
// that lie on the card already, where nothing is copied. Exit code 77 where there is no card.

#include "cuda/requests.hpp"
#include "cuda/timing.hpp"
#include "datus/core/cuda/memory.hpp"
#include "datus/core/error.hpp"
#include "datus/core/parallel.hpp"
#include "datus/model/vision_transformer.hpp"
#include "datus/model/weight_branch.hpp"
#include "datus/model/weights.hpp"
#include "model/torch/cuda/batched_transformer.hpp"
#include "model/torch/cuda/layer_kernels.hpp"
#include "model/torch/cuda/math_modes.hpp"
#include "model/torch/cuda/number_types.hpp"
#include "model/vit/vit_plan.hpp"
#include "model/weights/hub_config.hpp"
#include "program.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <random>
#include <set>
#include <utility>

#include <ATen/ops/empty.h>
#include <CLI/CLI.hpp>
#include <c10/core/InferenceMode.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAGuard.h>

namespace datus::bench {
namespace {

using Json = nlohmann::json;

struct Settings {
  std::string weights;
  std::optional<int> heads;
  int side = 224;
  std::vector<int> batches{32, 64, 128};
  Precision precision = Precision::bfloat16;
  int rounds = 7;
  int batches_per_round = 8;
  int threads = available_cores();
  bool cuda_graphs = false;
  bool requests = false;
};

const std::map<std::string, Precision> precisions{
    {"float32", Precision::float32}, {"bfloat16", Precision::bfloat16}, {"float16", Precision::float16}};

/// That of ImageNet: any other takes as long.
constexpr PixelScaling scaling{
    .mean = {0.485F, 0.456F, 0.406F}, .standard_deviation = {0.229F, 0.224F, 0.225F}, .bgr = false};

std::vector<Image> random_images(int count, int side) {
  std::mt19937 generator(1);
  std::vector<Image> images;
  for (int i = 0; i < count; ++i) {
    Image& image = images.emplace_back(side, side);
    for (std::uint8_t& value : image.pixels) value = static_cast<std::uint8_t>(generator() >> 24U);
  }
  return images;
}

/// Of the whole model on the GPU.
ViTOptions options_of(const Settings& settings) {
  ViTOptions options;
  options.heads = settings.heads;
  options.threads = settings.threads;
  options.gpu = 0;
  options.precision = settings.precision;
  options.cuda_graphs = settings.cuda_graphs;
  return options;
}

/// The same model as a `VisionTransformer` on a GPU holds, without the way there and back.
class ForwardAlone {
 public:
  explicit ForwardAlone(const Settings& settings)
      : settings_(settings), file_(WeightFile::open(settings.weights)), plan_(plan(file_, settings)) {
    const c10::InferenceMode inference;
    set_math_modes();
    weights_ = load_vit_weights(file_, choose_branch(file_.tensors(), "auto", file_.source()), plan_);
    token_base_.emplace(plan_.architecture, weights_);
    const auto guard = use_stream();
    model_.emplace(plan_.architecture, weights_, *token_base_, c10::Device(c10::kCUDA, 0),
                   number_of(settings.precision), &stream_);
    std::vector<float> table(scaled_.size());
    for (std::size_t i = 0; i < table.size(); ++i) table[i] = (static_cast<float>(i % 256) / 255.0F - 0.45F) / 0.22F;
    cuda::copy(scaled_.data(), table.data(), table.size(), stream_);
    stream_.wait();
  }

  [[nodiscard]] const ViTArchitecture& architecture() const { return plan_.architecture; }

  /// Milliseconds of `repeats` batches in a row, by the clock of the GPU, from bytes on the card to results there.
  double milliseconds(std::span<const Image> images, const Readout& readout, int repeats) {
    const int batch = static_cast<int>(images.size());
    const std::size_t bytes = images.front().pixels.size();
    if (pixels_.size() < bytes * images.size()) {
      pixels_ = cuda::DeviceArray<std::uint8_t>(bytes * images.size());
    }
    for (std::size_t i = 0; i < images.size(); ++i) {
      cuda::copy(pixels_.data() + i * bytes, images[i].pixels.data(), bytes, stream_);
    }
    const c10::InferenceMode inference;
    const auto guard = use_stream();
    return timer_.milliseconds(stream_, [&] {
      for (int i = 0; i < repeats; ++i) run(batch, readout);
    });
  }

 private:
  static ViTPlan plan(const WeightFile& file, const Settings& settings) {
    return plan_vit(choose_branch(file.tensors(), "auto", file.source()), options_of(settings),
                    read_hub_config(file.source()));
  }
  [[nodiscard]] c10::cuda::CUDAStreamGuard use_stream() const {
    return c10::cuda::CUDAStreamGuard(c10::cuda::getStreamFromExternal(stream_.get(), 0));
  }
  void run(int batch, const Readout& readout) {
    const int patch = plan_.architecture.patch;
    const GridSize grid{settings_.side / patch, settings_.side / patch};
    const at::Tensor patches = at::empty({batch, grid.patches(), std::int64_t{3} * patch * patch},
                                         at::TensorOptions(model_->device()).dtype(model_->number()));
    gpu_layers::take_patches(stream_, layers_number(number_of(settings_.precision)),
                             {.images = pixels_.data(),
                              .scaled = scaled_.data(),
                              .patches = patches.data_ptr(),
                              .batch = batch,
                              .height = settings_.side,
                              .width = settings_.side,
                              .patch = patch,
                              .bgr = false});
    (void)model_->read(patches, grid, true, readout);
  }

  const Settings& settings_;
  WeightFile file_;
  ViTPlan plan_;
  cuda::Stream stream_;
  StreamTimer timer_;
  cuda::DeviceArray<std::uint8_t> pixels_;
  cuda::DeviceArray<float> scaled_{3 * std::size_t{256}};
  ViTWeights weights_;
  std::optional<TokenBase> token_base_;
  std::optional<BatchedTransformer> model_;
};

class Measurement {
 public:
  explicit Measurement(const Settings& settings)
      : settings_(settings),
        alone_(settings),
        model_(VisionTransformer::load(settings.weights, options_of(settings))) {}

  /// Images per second of each way, once; the first round of a batch size comes after one that is not counted.
  std::map<std::string, double> round(int batch) {
    const auto images = static_cast<std::size_t>(batch) * static_cast<std::size_t>(settings_.batches_per_round);
    if (images > images_.size()) images_ = random_images(static_cast<int>(images), settings_.side);
    if (warmed_up_.insert(batch).second) (void)rates(batch, images);
    return rates(batch, images);
  }

 private:
  std::map<std::string, double> rates(int batch, std::size_t images) {
    const auto last = static_cast<std::size_t>(alone_.architecture().depth - 1);
    const auto alone = [&](PatchFeature feature) {
      const std::span part = std::span<const Image>(images_).first(static_cast<std::size_t>(batch));
      const double milliseconds = alone_.milliseconds(
          part, {.layer = last, .feature = feature, .cls = false, .embeddings = true}, settings_.batches_per_round);
      return static_cast<double>(images) * 1e3 / milliseconds;
    };
    std::map<std::string, double> found{{"forward alone, keys", alone(PatchFeature::key)},
                                        {"forward alone, tokens", alone(PatchFeature::token)},
                                        {"images, keys", fed(batch, images, false)}};
    if (alone_.architecture().has_cls) found["images, keys and cls"] = fed(batch, images, true);
    return found;
  }

  double fed(int batch, std::size_t images, bool cls) {
    std::vector<const Image*> pointers;
    for (std::size_t i = 0; i < images; ++i) pointers.push_back(&images_[i]);
    const auto begin = std::chrono::steady_clock::now();
    const auto features = model_.forward(pointers, scaling, {.feature = PatchFeature::key, .layer = -1, .cls = cls},
                                         {.batch_size = batch, .before_each_batch = {}});
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - begin;
    if (features.embeddings.empty()) throw SystemError("The model gave no keys", settings_.weights, "Test the card.");
    return static_cast<double>(images) / passed.count();
  }

  const Settings& settings_;
  ForwardAlone alone_;
  VisionTransformer model_;
  std::vector<Image> images_;
  std::set<int> warmed_up_;
};

Json header(const Settings& settings, int batch) {
  return {{"weights", settings.weights},
          {"input_size", settings.side},
          {"batch", batch},
          {"precision", to_string(settings.precision)},
          {"cuda_graphs", settings.cuda_graphs}};
}

void measure(Measurement& measurement, const Settings& settings, int batch) {
  std::map<std::string, std::vector<double>> all;
  for (int round = 0; round < settings.rounds; ++round) {
    for (const auto& [what, rate] : measurement.round(batch)) all[what].push_back(rate);
  }
  for (const auto& [what, rates] : all) {
    Json json = header(settings, batch);
    json["what"] = what;
    json["images_per_second"] = median(rates);
    json["lowest"] = *std::ranges::min_element(rates);
    json["highest"] = *std::ranges::max_element(rates);
    print_line(json);
  }
}

int run(int argc, char** argv) {
  CLI::App app("Images per second of a Vision Transformer on a GPU, medians of rounds; one line of JSON each.");
  Settings settings;
  app.add_option("--weights", settings.weights, "Weights file")->required();
  app.add_option("--heads", settings.heads, "Attention heads, where the weights do not tell");
  app.add_option("--input-size", settings.side, "Side of the square images")->check(CLI::PositiveNumber);
  app.add_option("--batch", settings.batches, "Images per forward pass; several in turn")->check(CLI::PositiveNumber);
  app.add_option("--precision", settings.precision, "bfloat16, float16 or float32")
      ->transform(CLI::CheckedTransformer(precisions));
  app.add_option("--rounds", settings.rounds, "Repeats of each measurement")->check(CLI::PositiveNumber);
  app.add_option("--batches-per-round", settings.batches_per_round, "Forward passes of each measurement")
      ->check(CLI::PositiveNumber);
  app.add_option("--threads", settings.threads, "Threads of the host")->check(CLI::PositiveNumber);
  app.add_flag("--cuda-graphs", settings.cuda_graphs, "Batches that are fed run as CUDA graphs");
  app.add_flag("--requests", settings.requests,
               "For each line of standard input, a batch size, measure one round and print it as a line of JSON");
  CLI11_PARSE(app, argc, argv);
  if (!has_card("bench_gpu_vit")) return skipped;
  Measurement measurement(settings);
  if (!settings.requests) {
    for (const int batch : settings.batches) measure(measurement, settings, batch);
    return 0;
  }
  answer_requests([&](std::istringstream& words) {
    int batch = 0;
    if (!(words >> batch) || batch < 1) {
      throw UsageError("A request is no batch size", words.str(), "Write a number above 0.");
    }
    Json json = header(settings, batch);
    json["images_per_second"] = measurement.round(batch);
    return json;
  });
  return 0;
}

}  // namespace
}  // namespace datus::bench

int main(int argc, char** argv) {
  return datus::bench::exit_code_of("bench_gpu_vit", &datus::bench::run, argc, argv);
}
