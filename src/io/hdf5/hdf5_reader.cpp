// SPDX-License-Identifier: Apache-2.0
#include "datus/io/hdf5_reader.hpp"

#include "datus/core/error.hpp"
#include "io/hdf5/hdf5_attribute.hpp"
#include "io/hdf5/hdf5_convert.hpp"
#include "io/hdf5/hdf5_deflated.hpp"
#include "io/hdf5/hdf5_filters.hpp"
#include "io/hdf5/hdf5_names.hpp"
#include "io/hdf5/hdf5_reader_impl.hpp"

#include <algorithm>

namespace datus {
namespace {

using hdf5::Dataset;
using hdf5::File;
using hdf5::Handle;
using hdf5::LibraryLock;

[[noreturn]] void refuse(const File& file, const std::string& name, const std::string& why) {
  throw InputError("Cannot use " + name + " of " + file.path().string(), why, "Give another dataset.");
}

void require_rows(const File& file, const Dataset& dataset, std::int64_t first, std::int64_t count,
                  std::size_t capacity) {
  if (first < 0 || count < 0 || count > dataset.rows() - first ||
      capacity != static_cast<std::size_t>(count * dataset.row_elements())) {
    refuse(file, dataset.name,
           std::to_string(count) + " rows from row " + std::to_string(first) + " on into " + std::to_string(capacity) +
               " elements do not fit the shape " + to_string(dataset.shape));
  }
}

std::vector<std::string> names_of_kind(const File& file, hdf5::ObjectKind kind) {
  std::vector<std::string> names;
  for (const hdf5::Object& object : hdf5::list_objects(file)) {
    if (object.kind == kind) names.push_back(object.name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

AttributeValue read_attribute_of(const File& file, std::string_view object, std::string_view name) {
  const LibraryLock lock;
  const std::string owner = hdf5::absolute_name(object);
  const Handle id = hdf5::open_object(file, owner);
  return hdf5::read_attribute(file, {id.get(), owner}, std::string(name));
}

[[noreturn]] void refuse_attribute(const File& file, std::string_view object, std::string_view name,
                                   const std::string& expected) {
  throw InputError("Cannot use attribute " + std::string(name) + " of " + hdf5::absolute_name(object) + " of " +
                       file.path().string(),
                   "it is not " + expected, "Store it as such.");
}

}  // namespace

Hdf5Reader::Hdf5Reader(const std::filesystem::path& path) {
  const LibraryLock lock;
  impl_ = std::make_unique<Impl>(path);
}

Hdf5Reader::~Hdf5Reader() {
  const LibraryLock lock;
  impl_.reset();
}

Hdf5Reader::Hdf5Reader(Hdf5Reader&&) noexcept = default;

Hdf5Reader& Hdf5Reader::operator=(Hdf5Reader&& other) noexcept {
  const LibraryLock lock;
  impl_ = std::move(other.impl_);
  return *this;
}

const std::filesystem::path& Hdf5Reader::path() const noexcept {
  return impl_->file.path();
}

bool Hdf5Reader::has(std::string_view name) const {
  const LibraryLock lock;
  return hdf5::has_object(impl_->file, hdf5::absolute_name(name));
}

std::vector<std::string> Hdf5Reader::datasets() const {
  const LibraryLock lock;
  return names_of_kind(impl_->file, hdf5::ObjectKind::dataset);
}

std::vector<std::string> Hdf5Reader::links() const {
  const LibraryLock lock;
  return names_of_kind(impl_->file, hdf5::ObjectKind::link);
}

void Hdf5Reader::require_filters(std::string_view name) const {
  const LibraryLock lock;
  impl_->require_filters(impl_->entry(name));
}

Shape Hdf5Reader::shape(std::string_view name) const {
  const LibraryLock lock;
  return impl_->entry(name).dataset.shape;
}

Shape Hdf5Reader::shape(std::string_view name, int rank) const {
  const LibraryLock lock;
  const Dataset& dataset = impl_->entry(name).dataset;
  if (dataset.shape.size() != static_cast<std::size_t>(rank)) {
    refuse(impl_->file, dataset.name,
           "its shape is " + to_string(dataset.shape) + " where " + std::to_string(rank) + " axes are expected");
  }
  require_filters(name);
  return dataset.shape;
}

Shape Hdf5Reader::matrix_shape(std::string_view name) const {
  const LibraryLock lock;
  Shape result = shape(name, 2);
  const Dataset& dataset = impl_->entry(name).dataset;
  if (!is_floating(dataset.type.dtype)) {
    refuse(impl_->file, dataset.name,
           "its type is " + hdf5::type_name(impl_->file, dataset) + " where floating-point numbers are expected");
  }
  if (element_count(result) == 0) refuse(impl_->file, dataset.name, "its shape " + to_string(result) + " is empty");
  return result;
}

Dtype Hdf5Reader::dtype(std::string_view name) const {
  const LibraryLock lock;
  return impl_->entry(name).dataset.type.dtype;
}

std::string Hdf5Reader::type_name(std::string_view name) const {
  const LibraryLock lock;
  return hdf5::type_name(impl_->file, impl_->entry(name).dataset);
}

void Hdf5Reader::read_all(std::string_view name, Dtype dtype, std::span<std::byte> values) const {
  std::vector<std::byte> deflated;
  {
    const LibraryLock lock;
    const Impl::Entry& entry = impl_->entry(name);
    if (entry.dataset.type.dtype == dtype) deflated = hdf5::stored_chunk(impl_->file, entry.dataset);
    if (deflated.empty()) {
      return impl_->read_rows(entry, dtype, hdf5::Rounding::refuse, 0, entry.dataset.rows(), values.data());
    }
  }
  // Outside the library, so by many threads at once.
  hdf5::inflate(hdf5::absolute_name(name), path(), deflated, values);
}

void Hdf5Reader::read_rows_as(std::string_view name, Dtype dtype, std::int64_t first, std::int64_t count,
                              std::span<std::byte> values) const {
  const LibraryLock lock;
  const Impl::Entry& entry = impl_->entry(name);
  require_rows(impl_->file, entry.dataset, first, count, values.size() / static_cast<std::size_t>(size_of(dtype)));
  impl_->read_rows(entry, dtype, hdf5::Rounding::refuse, first, count, values.data());
}

void Hdf5Reader::read_rows_as_float(std::string_view name, std::int64_t first, std::int64_t count,
                                    std::span<float> values) const {
  const LibraryLock lock;
  const Impl::Entry& entry = impl_->entry(name);
  require_rows(impl_->file, entry.dataset, first, count, values.size());
  impl_->read_rows(entry, Dtype::f32, hdf5::Rounding::once, first, count, std::as_writable_bytes(values).data());
}

std::vector<std::string> Hdf5Reader::names(std::string_view name) const {
  const LibraryLock lock;
  const Impl::Entry& entry = impl_->entry(name);
  const Dataset& dataset = entry.dataset;
  if (dataset.type.dtype != Dtype::text || dataset.shape.size() != 1) {
    refuse(impl_->file, dataset.name,
           "it is " + hdf5::type_name(impl_->file, dataset) + " " + to_string(dataset.shape) +
               " where a list of strings is expected");
  }
  if (!dataset.is_virtual) return hdf5::read_names(impl_->file, dataset);
  std::vector<std::string> all;
  for (const auto& [first_row, part] : entry.parts) {
    const std::vector<std::string> some = impl_->open_source(dataset, part).names(part.dataset);
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
}

bool Hdf5Reader::has_attribute(std::string_view object, std::string_view name) const {
  const LibraryLock lock;
  const std::string owner = hdf5::absolute_name(object);
  const Handle id = hdf5::open_object(impl_->file, owner);
  return hdf5::has_attribute(impl_->file, {id.get(), owner}, std::string(name));
}

template <>
std::int64_t Hdf5Reader::attribute<std::int64_t>(std::string_view object, std::string_view name) const {
  const AttributeValue value = read_attribute_of(impl_->file, object, name);
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return *integer;
  refuse_attribute(impl_->file, object, name, "an integer");
}

template <>
double Hdf5Reader::attribute<double>(std::string_view object, std::string_view name) const {
  const AttributeValue value = read_attribute_of(impl_->file, object, name);
  if (const auto* number = std::get_if<double>(&value)) return *number;
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return static_cast<double>(*integer);
  refuse_attribute(impl_->file, object, name, "a number");
}

template <>
std::string Hdf5Reader::attribute<std::string>(std::string_view object, std::string_view name) const {
  const AttributeValue value = read_attribute_of(impl_->file, object, name);
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  refuse_attribute(impl_->file, object, name, "a string");
}

std::map<std::string, AttributeValue> Hdf5Reader::attributes(std::string_view object) const {
  const LibraryLock lock;
  const std::string name = hdf5::absolute_name(object);
  const Handle id = hdf5::open_object(impl_->file, name);
  const hdf5::Owner owner{id.get(), name};
  std::map<std::string, AttributeValue> result;
  for (const std::string& key : hdf5::list_attributes(impl_->file, owner)) {
    if (key == hdf5::content_hash_name || key == hdf5::done_name) continue;
    result.emplace(key, hdf5::read_attribute(impl_->file, owner, key));
  }
  return result;
}

}  // namespace datus
