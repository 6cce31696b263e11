// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/dataset_description.hpp"
#include "datus/core/image.hpp"
#include "datus/io/dataset.hpp"

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace datus::io_detail {

/// From the stored values of ground truth, 0 to 65535, to classes.
class LabelTable {
 public:
  /// No value is a class.
  LabelTable();
  /// The values from 0 on have these classes.
  explicit LabelTable(const std::vector<std::int32_t>& labels);
  /// Every value is the class of that number.
  [[nodiscard]] static LabelTable identity();

  /// Makes `value` the class `label`, or void when that is `no_label`.
  void set(std::int64_t value, std::int32_t label) { labels_->at(static_cast<std::size_t>(value)) = label; }
  /// Makes all values that are no class yet void.
  void make_rest_void();
  /// Makes no class of those from `classes` on.
  void limit(std::int64_t classes);

  /// The class; `no_label` for void, `outside` for a value that the map does not know.
  [[nodiscard]] std::int32_t operator[](std::uint16_t value) const noexcept { return (*labels_)[value]; }
  /// One more than the largest class of the first `count` values; 0 when there is none.
  [[nodiscard]] std::int64_t class_count(std::int64_t count = values) const;
  /// Whether each value below 255 is the class of that number, and 255 void.
  [[nodiscard]] bool keeps_bytes() const;

  static constexpr std::int32_t outside = DatasetDescription::unknown;
  static constexpr std::int64_t values = 65536;

 private:
  std::unique_ptr<std::array<std::int32_t, values>> labels_;
};

/// What stored values mean, and the names of the classes.
struct Labelling {
  LabelTable table;
  std::vector<std::string> classes;                      ///< empty when not even their number is known
  std::vector<DatasetDescription::Colour> colours = {};  ///< of the classes; mostly empty
  std::string note = {};                                 ///< what people should know of it; mostly empty
};

/// The labelling that `options.label_map` and `options.classes` ask for, with these void values. Without a
/// label map it is the first of `built_in`, or, where there is none, the identity. A value that the label map
/// of the options makes a class is not void, which is noted. Throws
/// `InputError` naming the file and the entry for a malformed map or list of names, and when they
/// do not fit each other.
[[nodiscard]] Labelling make_labelling(const DatasetOptions& options,
                                       const std::vector<DatasetDescription::LabelMap>& built_in,
                                       const std::vector<int>& void_values);

}  // namespace datus::io_detail
