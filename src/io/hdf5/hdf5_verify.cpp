// SPDX-License-Identifier: Apache-2.0
#include "datus/core/error.hpp"
#include "io/hdf5/hdf5_attribute.hpp"
#include "io/hdf5/hdf5_hashes.hpp"
#include "io/hdf5/hdf5_reader_impl.hpp"

#include <filesystem>
#include <set>
#include <string>
#include <vector>

namespace datus {
namespace {

using hdf5::File;

[[noreturn]] void fail_changed(const File& file, const std::string& what, const std::string& why) {
  throw InputError(file.path().string() + " was damaged or changed after it was written: " + what, why,
                   "Delete the file and make it anew.");
}

/// The hash kept in an attribute, or an empty text when there is none.
std::string kept_hash(const File& file, const hdf5::Owner& owner, const char* name) {
  if (!hdf5::has_attribute(file, owner, name)) return {};
  const AttributeValue value = hdf5::read_attribute(file, owner, name);
  const auto* text = std::get_if<std::string>(&value);
  if (text == nullptr || text->empty()) fail_changed(file, owner.name, std::string(name) + " is not a hash");
  return *text;
}

Hash content_hash(const File& file, const hdf5::Dataset& dataset, const std::vector<hdf5::VirtualPart>& parts) {
  if (dataset.is_virtual) {
    std::vector<VirtualSource> sources;
    for (const auto& [first_row, part] : parts) sources.push_back(part);
    return hdf5::virtual_content_hash(dataset, sources);
  }
  if (dataset.type.dtype == Dtype::other || dataset.type.variable_length) {
    fail_changed(file, dataset.name, "its type is not one that datus writes");
  }
  return hdf5::stored_content_hash(file, dataset);
}

/// The library ignores what follows the contents.
void require_nothing_added(const File& file) {
  haddr_t end = 0;
  file.check(H5Fget_eoa(file.id(), &end), "find the end of", "the contents");
  const auto size = std::filesystem::file_size(file.path());
  if (size == end) return;
  fail_changed(file, "its size", std::to_string(size) + " bytes, where the contents end at " + std::to_string(end));
}

}  // namespace

VerifyResult Hdf5Reader::verify(SourceCheck sources) const {
  const File& file = impl_->file;
  std::string record;
  {
    const hdf5::LibraryLock lock;
    const hdf5::Handle root = hdf5::open_object(file, "/");
    record = kept_hash(file, {root.get(), "/"}, hdf5::done_name);
    if (!record.empty()) require_nothing_added(file);
  }
  VerifyResult result = record.empty() ? VerifyResult::no_record : VerifyResult::verified;
  std::set<std::filesystem::path> verified_sources;
  for (const std::string& name : datasets()) {
    const Impl::Entry* entry = nullptr;
    std::string kept;
    {
      const hdf5::LibraryLock lock;
      if (record.empty() && !impl_->is_usable(name)) continue;
      entry = &impl_->entry(name);
      kept = kept_hash(file, {entry->dataset.id.get(), name}, hdf5::content_hash_name);
    }
    if (kept.empty() && !record.empty()) fail_changed(file, name, "it has no content hash");
    // Most of the time goes here, without the lock: files are read back on several threads.
    if (!kept.empty() && kept != content_hash(file, entry->dataset, entry->parts).hex()) {
      fail_changed(file, name, "its content hash differs");
    }
    if (sources == SourceCheck::open) continue;
    const hdf5::LibraryLock lock;  // for the reader of the sources is the next one's, too
    for (const auto& [first_row, part] : entry->parts) {
      const Hdf5Reader& source = impl_->open_source(entry->dataset, part);
      if (part.file == "." || !verified_sources.insert(source.path()).second) continue;
      if (source.verify(sources) == VerifyResult::no_record) result = VerifyResult::no_record;
    }
  }
  const hdf5::LibraryLock lock;
  if (!record.empty() && record != hdf5::record_hash(file).hex()) {
    fail_changed(file, "its objects or attributes", "the record of the whole file differs");
  }
  return result;
}

void Hdf5Reader::require_content(std::string_view name, Dtype dtype, std::span<const std::byte> values) const {
  std::string kept;
  Shape stored_shape;
  {
    const hdf5::LibraryLock lock;
    const hdf5::Dataset& dataset = impl_->entry(name).dataset;
    kept = kept_hash(impl_->file, {dataset.id.get(), dataset.name}, hdf5::content_hash_name);
    stored_shape = dataset.shape;
  }
  const hdf5::StoredType type{dtype, static_cast<std::size_t>(size_of(dtype)), false};
  if (hdf5::content_hasher(stored_shape, type).add_bytes(values).finish().hex() == kept) return;
  fail_changed(impl_->file, hdf5::absolute_name(name),
               kept.empty() ? "it has no content hash" : "its content hash differs");
}

void require_verified(const std::filesystem::path& path, SourceCheck sources) {
  if (Hdf5Reader(path).verify(sources) != VerifyResult::verified) {
    throw InputError(path.string() + " is not complete", "it or a source of it has no record of what was written",
                     "Delete the file and make it anew.");
  }
}

}  // namespace datus
