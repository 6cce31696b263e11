// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/io/hdf5_reader.hpp"
#include "io/hdf5/hdf5_convert.hpp"
#include "io/hdf5/hdf5_dataset.hpp"
#include "io/hdf5/hdf5_library.hpp"
#include "io/hdf5/hdf5_virtual.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace datus {

/// What a reader holds: the file, the datasets it has used (open, for the library caches pieces of each), and of all
/// the sources of virtual datasets the last one.
struct Hdf5Reader::Impl {
  struct Entry {
    hdf5::Dataset dataset;
    std::vector<hdf5::VirtualPart> parts;  ///< of a virtual dataset, by rows
  };

  hdf5::File file;
  std::map<std::string, Entry> entries;
  std::string source_name;
  std::unique_ptr<Hdf5Reader> source;

  explicit Impl(const std::filesystem::path& path) : file(hdf5::File::open(path)) {}

  /// The dataset of this name, opened on first use; all sources of a virtual one have then been opened and checked.
  const Entry& entry(std::string_view name);
  /// Whether it can be opened. In a file from elsewhere others need not be: who wants one is told why.
  [[nodiscard]] bool is_usable(std::string_view name);
  /// See `Hdf5Reader::require_filters`.
  void require_filters(const Entry& entry);

  /// Rows into `values`, from the sources where the dataset is virtual. The caller has checked the range.
  void read_rows(const Entry& entry, Dtype wanted, hdf5::Rounding rounding, std::int64_t first, std::int64_t count,
                 std::byte* values);

  /// The reader of a source file, replacing that of another one.
  const Hdf5Reader& open_source(const hdf5::Dataset& dataset, const VirtualSource& wanted);

 private:
  /// `open_source`, after a look at whether it holds the dataset just as mapped: the file may have been replaced since.
  Impl& checked_source(const hdf5::Dataset& dataset, const VirtualSource& wanted);
};

}  // namespace datus
