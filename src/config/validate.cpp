// SPDX-License-Identifier: Apache-2.0
#include "config/validate.hpp"

#include "config/schema.hpp"
#include "datus/core/dataset_type.hpp"
#include "datus/core/error.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <stdexcept>
#include <string>

namespace datus {
namespace {

/// One rule after the other over one configuration.
class Validator {
 public:
  Validator(const Config& config, const OriginOf& origin_of) : config_(config), origin_of_(origin_of) {}

  void dataset() const {
    const DatasetConfig& dataset = config_.dataset;
    for (const PlainDatasetType& type : plain_dataset_types) {
      // What `dataset.images` holds, and whether it needs a split, is seen when it is opened.
      if (type.name != dataset.kind.name || !type.lists_images || dataset.list || dataset.images) continue;
      refuse("dataset.kind", "dataset.list", "it names the images", "Set dataset.list, or dataset.images to the list.");
    }
  }

  void model() const {
    const auto require = [&](const std::string& name, const std::optional<std::array<double, 3>>& values) {
      if (!values || std::ranges::max(*values) <= 1) return;
      throw UsageError(described(name) + " is of pixels from 0 to 255",
                       origin_of_(name) + "; datus brings them into [0, 1] before", "Divide the three values by 255.");
    };
    require("model.mean", config_.model.mean);
    require("model.std", config_.model.standard_deviation);
  }

  void affinity() const {
    const AffinityConfig& affinity = config_.affinity;
    if (affinity.quantile && affinity.threshold != 0.0F) {
      refuse("affinity.quantile", "affinity.threshold", "both say which patches are joined", "Leave one of them out.");
    }
    if (affinity.weights == AffinityConfig::Weights::soft) {
      if (affinity.metric != AffinityConfig::Metric::cosine) {
        refuse("affinity.weights", "affinity.metric", "soft weights are those of cosines",
               "Set affinity.metric: cosine.");
      }
      if (affinity.quantile || affinity.threshold != 0.0F) {
        refuse("affinity.weights", affinity.quantile ? "affinity.quantile" : "affinity.threshold",
               "soft weights join all patches, each as much as it is alike", "Leave it out.");
      }
    }
    if (affinity.weights == AffinityConfig::Weights::value && affinity.threshold < 0.0F) {
      refuse("affinity.weights", "affinity.threshold", "it lets edges with a negative weight through",
             "Raise the threshold to at least 0, or use affinity.weights: sign.");
    }
    if (needs_dataset_mean(config_) && !config_.storage.keeps_embeddings()) {
      refuse("affinity.center", "storage.embeddings", "the mean of all embeddings is known when the last is stored",
             "Set storage.embeddings to float16, or affinity.center to image.");
    }
  }

  void descriptor() const {
    const DescriptorConfig& descriptor = config_.descriptor;
    if (descriptor.crop_size > descriptor.crop_resize) {
      refuse("descriptor.crop_size", "descriptor.crop_resize", "the square is cut from the resized crop",
             "Make crop_size at most crop_resize.");
    }
    if (descriptor.weights && !traits_of(descriptor.kind).has_crops) {
      refuse("descriptor.weights", "descriptor.kind", "only masked_crop runs a second model",
             "Leave descriptor.weights out, or use descriptor.kind: masked_crop.");
    }
    if (descriptor.smoothing && !traits_of(descriptor.kind).reads_keys) {
      refuse("descriptor.smoothing", "descriptor.kind",
             "it smooths the stored embeddings, which this kind does not read",
             "Use descriptor.kind: mean_key, or set descriptor.smoothing to null.");
    }
  }

  void cluster() const {
    const ClusterConfig& cluster = config_.cluster;
    const bool from_file = cluster.init == ClusterConfig::Init::file;
    if (from_file != cluster.centroids.has_value()) {
      refuse("cluster.init", "cluster.centroids", "`init: file` and a file of centroids need each other",
             "Set both, or leave cluster.centroids out.");
    }
    if (from_file && cluster.k.size() > 1) {
      refuse("cluster.init", "cluster.k", "a file holds the centroids of one k", "Give one k.");
    }
    if (from_file && cluster.restarts > 1) {
      refuse("cluster.init", "cluster.restarts", "every restart would begin at the same centroids",
             "Set cluster.restarts to 1.");
    }
    if (cluster.fine && cluster.k.back() > *cluster.fine) {
      refuse("cluster.fine", "cluster.k", "a tree over that many has no more clusters",
             "Raise cluster.fine, lower cluster.k, or set cluster.fine to null.");
    }
    if (cluster.fine && from_file) {
      refuse("cluster.fine", "cluster.init", "the file holds the centroids of k clusters", "Set cluster.fine to null.");
    }
  }

  void mask() const {
    if (has_refinement(config_.mask) && !has_dense_labels(config_.mask)) {
      refuse("mask.refine", "mask.labels", "there are no soft labels to refine", "Set mask.labels: dense.");
    }
    if (has_refinement(config_.mask) && config_.mask.resolution != MaskConfig::Resolution::original) {
      refuse("mask.refine", "mask.resolution", "what is refined are pixels of the image",
             "Set mask.resolution: original.");
    }
    if (!has_dense_labels(config_.mask)) return;
    if (!traits_of(config_.descriptor.kind).reads_keys) {
      refuse("mask.labels", "descriptor.kind", "pixels are compared with clusters of the stored embeddings",
             "Use descriptor.kind: mean_key, or mask.labels: segment.");
    }
    if (!config_.storage.keeps_embeddings()) {
      refuse("mask.labels", "storage.embeddings", "the masks are made from the stored embeddings",
             "Set storage.embeddings to float16, or mask.labels to segment.");
    }
  }

  void evaluate() const {
    if (config_.evaluate.matching == EvaluateConfig::Matching::own && config_.evaluate.mapping) {
      refuse("evaluate.matching", "evaluate.mapping", "a mapping is given, and a new one is asked for",
             "Set evaluate.mapping to null, or evaluate.matching to given.");
    }
  }

 private:
  [[nodiscard]] std::string described(const std::string& name) const {
    return name + " = " + find_key(name)->write(config_);
  }

  [[noreturn]] void refuse(const std::string& first, const std::string& second, const std::string& reason,
                           const std::string& what_to_do) const {
    throw UsageError(described(first) + " does not go with " + described(second),
                     reason + "; " + origin_of_(first) + " and " + origin_of_(second), what_to_do);
  }

  const Config& config_;
  const OriginOf& origin_of_;
};

}  // namespace

bool has_dense_labels(const MaskConfig& config) {
  switch (config.labels) {
    case MaskConfig::Labels::segment:
      return false;
    case MaskConfig::Labels::dense:
      return true;
  }
  return false;
}

bool has_refinement(const MaskConfig& config) {
  switch (config.refine) {
    case MaskConfig::Refine::none:
      return false;
    case MaskConfig::Refine::crf:
    case MaskConfig::Refine::guided:
      return true;
  }
  return false;
}

bool needs_dataset_mean(const Config& config) {
  switch (config.segment.method) {
    case SegmentConfig::Method::none:
      return false;
    case SegmentConfig::Method::louvain:
      break;
  }
  switch (config.affinity.center) {
    case AffinityConfig::Center::none:
    case AffinityConfig::Center::image:
      return false;
    case AffinityConfig::Center::dataset:
      return true;
  }
  return false;
}

void validate(const Config& config, const OriginOf& origin_of) {
  const Validator validator(config, origin_of);
  validator.dataset();
  validator.model();
  validator.affinity();
  validator.descriptor();
  validator.cluster();
  validator.mask();
  validator.evaluate();
}

void require_key(const Config& config, const std::string& key, const std::string& why) {
  const Key* entry = find_key(key);
  if (entry == nullptr) throw std::logic_error("There is no key " + key);
  if (entry->write(config) != "null") return;
  throw UsageError(key + " is not set", why,
                   "Set it in the configuration, or with --set " + key + "=... on the command line.");
}

}  // namespace datus
