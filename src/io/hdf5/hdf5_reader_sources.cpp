// SPDX-License-Identifier: Apache-2.0
#include "datus/core/error.hpp"
#include "io/hdf5/hdf5_filters.hpp"
#include "io/hdf5/hdf5_reader_impl.hpp"
#include "io/hdf5/hdf5_storage.hpp"

#include <algorithm>

namespace datus {
namespace {

[[noreturn]] void fail_source(const hdf5::File& file, const hdf5::Dataset& dataset, const std::string& why) {
  throw InputError("Cannot read the virtual dataset " + dataset.name + " of " + file.path().string(), why,
                   "Bring the source back to its place, or make the virtual file anew.");
}

}  // namespace

const Hdf5Reader::Impl::Entry& Hdf5Reader::Impl::entry(std::string_view name) {
  const std::string key = hdf5::absolute_name(name);
  if (const auto found = entries.find(key); found != entries.end()) return found->second;
  Entry opened{hdf5::open_dataset(file, key), {}};
  if (opened.dataset.is_virtual) {
    opened.parts = hdf5::virtual_parts(file, opened.dataset);
    for (const auto& [first_row, part] : opened.parts) checked_source(opened.dataset, part);
  }
  // An open dataset takes kilobytes, one with large chunks much more, and a file may have a million of them.
  constexpr std::size_t most_open = 4096;
  const bool is_large = !opened.dataset.is_virtual && hdf5::chunk_cache_bytes(file, opened.dataset) > 0;
  if (entries.size() == most_open || is_large) entries.clear();
  return entries.emplace(key, std::move(opened)).first->second;
}

void Hdf5Reader::Impl::read_rows(const Entry& entry, Dtype wanted, hdf5::Rounding rounding, std::int64_t first,
                                 std::int64_t count, std::byte* values) {
  if (!entry.dataset.is_virtual) {
    return hdf5::read_converted(file, entry.dataset, wanted, rounding, first, count, values);
  }
  const std::int64_t row_bytes = entry.dataset.row_elements() * size_of(wanted);
  for (const auto& [first_row, part] : entry.parts) {
    const std::int64_t begin = std::max(first, first_row);
    const std::int64_t end = std::min(first + count, first_row + part.rows);
    if (begin >= end) continue;
    Impl& holder = checked_source(entry.dataset, part);
    holder.require_filters(holder.entry(part.dataset));
    holder.read_rows(holder.entry(part.dataset), wanted, rounding, begin - first_row, end - begin,
                     values + (begin - first) * row_bytes);
  }
}

bool Hdf5Reader::Impl::is_usable(std::string_view name) {
  try {
    (void)entry(name);
    return true;
  } catch (const InputError&) {
    return false;
  }
}

void Hdf5Reader::Impl::require_filters(const Entry& entry) {
  if (!entry.dataset.is_virtual) return hdf5::require_filters(file, entry.dataset);
  for (const auto& [first_row, part] : entry.parts) {
    Impl& holder = checked_source(entry.dataset, part);
    holder.require_filters(holder.entry(part.dataset));
  }
}

const Hdf5Reader& Hdf5Reader::Impl::open_source(const hdf5::Dataset& dataset, const VirtualSource& wanted) {
  if (source && source_name == wanted.file) return *source;
  // The library too starts from where the virtual file really is; "." is that file itself.
  const auto real_path = std::filesystem::canonical(file.path());
  const auto source_path = wanted.file == "." ? real_path : real_path.parent_path() / wanted.file;
  source.reset();
  try {
    source = std::make_unique<Hdf5Reader>(source_path);
  } catch (const InputError& error) {
    fail_source(file, dataset, error.what());
  }
  source_name = wanted.file;
  return *source;
}

Hdf5Reader::Impl& Hdf5Reader::Impl::checked_source(const hdf5::Dataset& dataset, const VirtualSource& wanted) {
  const Hdf5Reader& reader = open_source(dataset, wanted);
  const std::string where = wanted.dataset + " of " + reader.path().string();
  if (!reader.has(wanted.dataset)) fail_source(file, dataset, "there is no " + where);
  const hdf5::Dataset found = hdf5::open_dataset(reader.impl_->file, hdf5::absolute_name(wanted.dataset));
  if (found.is_virtual) fail_source(file, dataset, where + " is virtual itself");
  Shape expected = dataset.shape;
  expected.front() = wanted.rows;
  if (found.shape != expected || found.type.dtype != dataset.type.dtype) {
    fail_source(file, dataset,
                where + " is " + hdf5::type_name(reader.impl_->file, found) + " " + to_string(found.shape) + ", not " +
                    hdf5::type_name(file, dataset) + " " + to_string(expected));
  }
  return *reader.impl_;
}

}  // namespace datus
