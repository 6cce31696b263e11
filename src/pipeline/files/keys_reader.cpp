// SPDX-License-Identifier: Apache-2.0
#include "pipeline/files/keys_reader.hpp"

#include "datus/core/error.hpp"
#include "pipeline/files/dataset_checks.hpp"
#include "pipeline/files/grid_attributes.hpp"

namespace datus {

KeysReader::KeysReader(const std::filesystem::path& path) : reader_(path) {
  reader_.verify();
  const Shape shape = reader_.shape("keys", 3);
  const std::string file = path.string();
  if (element_count(shape) == 0) {
    throw InputError("/keys of " + file + " is empty", "its shape is " + to_string(shape),
                     "Extract some images first.");
  }
  if (!is_floating(reader_.dtype("keys"))) {
    throw InputError("/keys of " + file + " holds " + reader_.type_name("keys"), "keys are floating-point numbers",
                     "Store them as float16, float32 or float64.");
  }
  count_ = shape[0];
  patches_ = shape[1];
  dim_ = checked_cast<int>(shape[2], "The width of /keys");
  grid_ = read_grid_attributes(reader_, patches_);
  if (reader_.has_attribute("/", "patch")) patch_ = int_attribute(reader_, "/", "patch", 0);
  if (reader_.has("name")) names_ = reader_.names("name");
  if (!names_.empty() && static_cast<std::int64_t>(names_.size()) != count_) {
    throw InputError(
        "/name of " + file + " has " + std::to_string(names_.size()) + " rows, /keys " + std::to_string(count_),
        "each image has one name", "Make the file again.");
  }
  has_valid_ = reader_.has("valid");
  if (has_valid_) require_shape(reader_, "valid", {count_, patches_}, "one value per patch");
}

KeysFile KeysReader::read(std::int64_t first, std::int64_t count) const {
  KeysFile file;
  file.grid = grid_;
  file.patch = patch_;
  file.dim = dim_;
  file.keys = read_key_rows(reader_, first, count, count * patches_ * dim_);
  file.keys.visit([&](const auto& values) {
    require_finite(values, patches_ * dim_, first, "/keys in " + reader_.path().string());
  });
  if (has_valid_) {
    file.valid.resize(static_cast<std::size_t>(count * patches_));
    reader_.read_rows<std::uint8_t>("valid", first, count, file.valid);
  }
  if (!names_.empty()) file.images.name.assign(names_.begin() + first, names_.begin() + first + count);
  return file;
}

}  // namespace datus
