#include "datus/algo/confusion.hpp"

#include "datus/core/error.hpp"
#include "datus/core/text.hpp"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace datus {
namespace {

std::size_t value_count(int clusters, int classes) {
  if (clusters < 1 || classes < 1) {
    throw UsageError(
        "Cannot compare " + std::to_string(clusters) + " clusters with " + std::to_string(classes) + " classes",
        "at least one of each is needed", "Check the number of clusters and the list of classes.");
  }
  return (static_cast<std::size_t>(clusters) + 1) * static_cast<std::size_t>(classes) + 1;
}

void check_labels(const LabelMap& map, int count, std::string_view map_name, std::string_view label_name,
                  std::string_view none_name, std::string_view what_to_do) {
  const auto wrong = std::find_if(map.labels.begin(), map.labels.end(),
                                  [=](std::int32_t label) { return label < no_label || label >= count; });
  if (wrong == map.labels.end()) return;
  const auto position = wrong - map.labels.begin();
  throw InputError(
      "The " + std::string(map_name) + " has the " + std::string(label_name) + " " + std::to_string(*wrong) +
          " in row " + std::to_string(position / map.width) + ", column " + std::to_string(position % map.width),
      "0 to " + std::to_string(count - 1) + ", or -1 for " + std::string(none_name) + ", are possible", what_to_do);
}

}  // namespace

ConfusionMatrix::ConfusionMatrix(int clusters, int classes)
    : clusters_(clusters), classes_(classes), values_(value_count(clusters, classes)) {}

void ConfusionMatrix::add(const LabelMap& prediction, const LabelMap& truth) {
  if (prediction.height != truth.height || prediction.width != truth.width ||
      prediction.labels.size() != truth.labels.size()) {
    throw InputError("A prediction has " + dimensions_text(prediction.height, prediction.width) + " pixels",
                     "its ground truth has " + dimensions_text(truth.height, truth.width),
                     "Make both at the same resolution.");
  }
  check_labels(prediction, clusters_, "prediction", "cluster", "unassigned",
               "Give the number of clusters that the masks were made with.");
  check_labels(truth, classes_, "ground truth", "class", "void",
               "Check the list of classes and which value of the ground truth is void.");
  // Neighbours mostly agree: counting a run at a time spares the chain of memory updates of one value.
  const std::size_t void_index = values_.size() - 1;
  std::size_t run_index = void_index;
  std::int64_t run = 0;
  for (std::size_t i = 0; i < truth.labels.size(); ++i) {
    const std::int32_t row = prediction.labels[i] == no_label ? clusters_ : prediction.labels[i];
    const std::size_t index = truth.labels[i] == no_label
                                  ? void_index
                                  : static_cast<std::size_t>(row) * static_cast<std::size_t>(classes_) +
                                        static_cast<std::size_t>(truth.labels[i]);
    if (index != run_index) {
      values_[run_index] += run;
      run_index = index;
      run = 0;
    }
    ++run;
  }
  values_[run_index] += run;
}

void ConfusionMatrix::grow(int clusters, int classes) {
  if (clusters == clusters_ && classes == classes_) return;
  ConfusionMatrix larger(clusters, classes);
  if (clusters < clusters_ || classes < classes_) {
    throw UsageError("A confusion matrix cannot shrink", "its counts would be lost", "Ask for at least its size.");
  }
  const auto row = [](ConfusionMatrix& matrix, int k) {
    return matrix.values_.begin() + std::ptrdiff_t{k} * matrix.classes_;
  };
  for (int k = 0; k < clusters_; ++k) std::copy_n(row(*this, k), classes_, row(larger, k));
  std::copy_n(row(*this, clusters_), classes_, row(larger, clusters));  // unassigned
  larger.values_.back() = values_.back();
  *this = std::move(larger);
}

ConfusionMatrix& ConfusionMatrix::operator+=(const ConfusionMatrix& other) {
  if (other.clusters_ != clusters_ || other.classes_ != classes_) {
    throw UsageError("Confusion matrices of different sizes cannot be added", "their counts mean different classes",
                     "Let the smaller one grow first.");
  }
  std::transform(values_.begin(), values_.end(), other.values_.begin(), values_.begin(), std::plus<>());
  return *this;
}

}  // namespace datus
