// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/half.hpp"
#include "datus/core/hash.hpp"
#include "datus/core/image.hpp"
#include "datus/core/types.hpp"
#include "datus/core/unfilled_vector.hpp"
#include "datus/model/normalise.hpp"
#include "datus/model/preprocessing.hpp"
#include "datus/model/segment_crops.hpp"
#include "datus/model/vit_architecture.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace datus {

/// Numbers that a model computes with. 16-bit ones are for GPUs.
enum class Precision { float32, bfloat16, float16 };

/// "float32", "bfloat16" or "float16".
[[nodiscard]] const char* to_string(Precision precision) noexcept;

/// What the weights file cannot tell, and how to run.
struct ViTOptions {
  /// Attention heads. Unset: what the tensors or a config.json beside the file tell; otherwise 64 wide, or as wide as
  /// in the published models that differ (MoCo-v3 S, ViT-H, DINOv3 7B); an error where neither fits.
  std::optional<int> heads;
  /// Epsilon of LayerNorm. Unset: that of a config.json beside the file, or the family's.
  std::optional<double> eps;
  /// Dictionary inside a checkpoint that holds the weights, for example "teacher"; "auto" follows
  /// the known layouts.
  std::string branch = "auto";
  /// "auto" (the family's rule), "offset", "size" or "size_antialias"; see `PositionRule`.
  std::string position = "auto";
  /// Images worked on at the same time. Never changes a result.
  int threads = 1;
  /// The GPU to run on, as CUDA counts them. Unset: the CPU.
  std::optional<int> gpu;
  /// On the CPU float32 only.
  Precision precision = Precision::float32;
  /// Whether a GPU is given the work of a batch as one CUDA graph. Never changes a result.
  bool cuda_graphs = false;
};

/// Which per-patch vector to return.
enum class PatchFeature {
  key,    ///< key part of a block's qkv projection, bias included, heads concatenated in head order
  query,  ///< query part, not scaled
  value,  ///< value part
  token,  ///< output of a block after the final norm
};

class Transformer;

/// A frozen Vision Transformer for inference, on the CPU in float32 or on a GPU. Immutable after `load`: its
/// functions may be called from several threads at once. On the CPU the result for an image does not depend on
/// the batch it is in, on the number of threads or on the other images, bit for bit; on a GPU on the size of batches
/// and nothing else of these. Functions throw `DeviceMemoryError` where a GPU's memory does not suffice.
class VisionTransformer {
 public:
  /// What `forward` computes.
  struct Request {
    PatchFeature feature = PatchFeature::key;
    /// Block to read, 0 … depth-1, or from the end: -1 is the last one, -depth the first.
    int layer = -1;
    /// Also return the image's vector: the CLS token of that block after the final norm. A model without one (Unicom)
    /// makes it of all patches behind that block, of images of its native size only.
    bool cls = false;
    /// Embeddings in float16, rounded to nearest even.
    bool halves = false;
    /// On a GPU: memory there for [B, P, D] of the same numbers, where the embeddings lie as well once `get` has
    /// returned. On the CPU it must be null.
    std::byte* kept_on_gpu = nullptr;
  };

  /// B images' vectors; P patches in raster order (`grid`), the CLS row dropped.
  struct Features {
    GridSize grid;
    std::vector<float> embeddings;     ///< [B, P, D], empty where they are `halves`
    std::vector<float> cls;            ///< [B, image_vector_dim], empty unless asked for
    UnfilledVector<half> halves = {};  ///< [B, P, D], empty unless asked for
  };

  /// How many images are computed at once (at most: on a CPU no bit depends on it), and what is called before each
  /// batch, on the calling thread, with how many images or crops are done: a place to tell of it, and to give up, by
  /// throwing.
  struct Batching {
    int batch_size = 1;
    std::function<void(std::size_t done)> before_each_batch;
    /// Called as a GPU was given a batch of crops, on the thread that begins or asks, with how many it has.
    std::function<void(std::size_t crops)> at_crops = {};
  };

  /// Reads a .safetensors or .pth file (told apart by content), finds the family and the sizes from
  /// the tensors and prepares the weights. Throws `InputError` naming the file, and the tensor
  /// where one is to blame, when the file is not a sound weights file, when its family is not
  /// supported or when the number of heads cannot be told; `UsageError` for options that fit no
  /// model.
  [[nodiscard]] static VisionTransformer load(const std::filesystem::path& path, const ViTOptions& options = {});

  ~VisionTransformer();
  VisionTransformer(VisionTransformer&&) noexcept;
  VisionTransformer& operator=(VisionTransformer&&) noexcept;
  VisionTransformer(const VisionTransformer&) = delete;
  VisionTransformer& operator=(const VisionTransformer&) = delete;

  [[nodiscard]] const ViTArchitecture& architecture() const noexcept;

  /// How the model wants its pixels, as published with it.
  [[nodiscard]] const Preprocessing& preprocessing() const noexcept;

  /// Hash of the tensors in use (names, shapes, float32 values): the same for one model stored in
  /// two kinds of file.
  [[nodiscard]] Hash weights_hash() const noexcept;

  /// The patch grid of an image; what is left of a side that is no multiple of the patch is cut
  /// off. Throws `UsageError` when no whole patch fits.
  [[nodiscard]] GridSize grid(int height, int width) const;

  /// Width of the vector that an image of that size in pixels has; 0 where the model cannot make one.
  [[nodiscard]] int image_vector_dim(int height, int width) const;

  /// Runs the model on `images`, [batch, 3, height, width] float32, already normalised. Throws
  /// `UsageError` for a layer that does not exist or a vector that the model cannot make, `SystemError` when the sizes
  /// do not fit `images`.
  [[nodiscard]] Features forward(std::span<const float> images, int batch, int height, int width,
                                 const Request& request) const;

  /// Runs the model on equally large images, in batches. The arguments are not needed any more when the call returns;
  /// `get`, from any thread while the model lives, waits for the result. On a GPU the last batches are under way then,
  /// and those of the next call, of any function, follow without a pause; on the CPU all is done. Results may be asked
  /// for in any order, or not at all. Where a call throws, also by `before_each_batch`, those before it are not
  /// affected.
  [[nodiscard]] std::future<Features> begin_forward(std::span<const Image* const> images, const PixelScaling& scaling,
                                                    const Request& request, const Batching& batching) const;
  /// The same, to its end.
  [[nodiscard]] Features forward(std::span<const Image* const> images, const PixelScaling& scaling,
                                 const Request& request, const Batching& batching) const;

  /// The vectors of the crops of `crops`, [places, image_vector_dim], not normalised to unit length: those of
  /// `masked_crop`, to the bit, on a GPU too, where they are cut. Throws as `masked_crop` and `forward`.
  /// It begins as `begin_forward` does, but what does not fill a batch waits for the next call's crops, or until its
  /// result is asked for.
  [[nodiscard]] std::future<std::vector<float>> begin_crop_vectors(const SegmentCrops& crops,
                                                                   const PixelScaling& scaling,
                                                                   const Batching& batching) const;
  /// The same, to its end.
  [[nodiscard]] std::vector<float> crop_vectors(const SegmentCrops& crops, const PixelScaling& scaling,
                                                const Batching& batching) const;

  /// One descriptor per segment of one image ([3, height, width], normalised) in a single pass: in
  /// the last block the CLS query attends only to the segment's patches (not to itself), then
  /// projection, residual, MLP and final norm as usual. `segment_map` has one entry per patch: the
  /// segment 0 … segments-1, or -1 for none. Returns [segments, D], not normalised to unit length.
  /// Throws `InputError` when the map names a segment out of range or leaves one without patches,
  /// `SystemError` when a length does not fit.
  [[nodiscard]] std::vector<float> segment_cls(std::span<const float> image, int height, int width,
                                               std::span<const std::int16_t> segment_map, int segments) const;

  /// The same for many images, `segments` of each: [all segments, D], image by image. It begins as `begin_forward`
  /// does.
  [[nodiscard]] std::future<std::vector<float>> begin_segment_cls(std::span<const Image* const> images,
                                                                  const PixelScaling& scaling,
                                                                  std::span<const std::int16_t> segment_maps,
                                                                  std::span<const int> segments,
                                                                  const Batching& batching) const;
  /// The same, to its end.
  [[nodiscard]] std::vector<float> segment_cls(std::span<const Image* const> images, const PixelScaling& scaling,
                                               std::span<const std::int16_t> segment_maps,
                                               std::span<const int> segments, const Batching& batching) const;

 private:
  explicit VisionTransformer(std::unique_ptr<Transformer> transformer);
  std::unique_ptr<Transformer> transformer_;
};

}  // namespace datus
