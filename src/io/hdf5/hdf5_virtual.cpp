// SPDX-License-Identifier: Apache-2.0
#include "io/hdf5/hdf5_virtual.hpp"

#include "datus/core/error.hpp"

#include <algorithm>
#include <cstddef>

namespace datus::hdf5 {
namespace {

/// In stored names "%%" stands for a percent sign ("%b", for a block number, comes with endless mappings only).
std::string escape(const std::string& name) {
  std::string result;
  for (const char letter : name) result.append(letter == '%' ? 2 : 1, letter);
  return result;
}

std::string unescape(const std::string& name) {
  std::string result;
  for (std::size_t i = 0; i < name.size(); ++i) {
    result.push_back(name[i]);
    if (name.compare(i, 2, "%%") == 0) ++i;
  }
  return result;
}

[[noreturn]] void refuse(const File& file, const Dataset& dataset, const std::string& why) {
  throw InputError("Cannot read the virtual dataset " + dataset.name + " of " + file.path().string(), why,
                   "Map whole datasets to consecutive rows, or give the source files themselves.");
}

/// Reads a text of the creation properties by one of the library's "size first, then the text" functions.
template <class Get>
std::string property_text(const File& file, const Dataset& dataset, const Get& get) {
  const ssize_t size = file.check(get(nullptr, std::size_t{0}), "read the sources of", dataset.name);
  std::string text(static_cast<std::size_t>(size) + 1, '\0');
  file.check(get(text.data(), text.size()), "read the sources of", dataset.name);
  text.pop_back();
  return unescape(text);
}

/// The rows that a mapping fills in the virtual dataset: first row and number.
struct RowRange {
  std::int64_t first = 0;
  std::int64_t count = 0;
};

RowRange mapped_rows(const File& file, const Dataset& dataset, const Handle& space) {
  const std::size_t rank = dataset.shape.size();
  std::vector<hsize_t> first(rank);
  std::vector<hsize_t> last(rank);
  if (H5Sget_select_bounds(space.get(), first.data(), last.data()) < 0 || last.front() == H5S_UNLIMITED) {
    refuse(file, dataset, "it has a mapping without end");
  }
  const RowRange rows{static_cast<std::int64_t>(first.front()),
                      static_cast<std::int64_t>(last.front() - first.front()) + 1};
  // Within its bounds the mapping must fill every element, and the bounds must span the rows' whole width.
  bool is_full = H5Sget_select_npoints(space.get()) == rows.count * dataset.row_elements();
  for (std::size_t axis = 1; axis < rank; ++axis) {
    is_full = is_full && first[axis] == 0 && last[axis] + 1 == static_cast<hsize_t>(dataset.shape[axis]);
  }
  if (!is_full) refuse(file, dataset, "a source fills other elements than consecutive whole rows");
  return rows;
}

/// The extent of a source is not in the file: what can be told here is whether the mapping takes elements from the
/// first on, as many as the rows want. That these are all is seen when the source is opened.
void require_whole_source(const File& file, const Dataset& dataset, const Handle& space, std::int64_t rows) {
  if (H5Sget_select_type(space.get()) == H5S_SEL_ALL) return;
  Shape expected = dataset.shape;
  expected.front() = rows;
  std::vector<hsize_t> first(expected.size());
  std::vector<hsize_t> last(expected.size());
  bool is_whole = H5Sget_simple_extent_ndims(space.get()) == static_cast<int>(expected.size()) &&
                  H5Sget_select_bounds(space.get(), first.data(), last.data()) >= 0 &&
                  H5Sget_select_npoints(space.get()) == element_count(expected);
  for (std::size_t axis = 0; is_whole && axis < expected.size(); ++axis) {
    is_whole = first[axis] == 0 && last[axis] + 1 == static_cast<hsize_t>(expected[axis]);
  }
  if (!is_whole)
    refuse(file, dataset, "a mapping takes something else than a source dataset of shape " + to_string(expected));
}

VirtualPart read_part(const File& file, const Dataset& dataset, const Handle& creation, std::size_t index) {
  constexpr std::string_view action = "read the sources of";
  const Handle filled = file.own(H5Pget_virtual_vspace(creation.get(), index), H5Sclose, action, dataset.name);
  const Handle taken = file.own(H5Pget_virtual_srcspace(creation.get(), index), H5Sclose, action, dataset.name);
  const RowRange rows = mapped_rows(file, dataset, filled);
  require_whole_source(file, dataset, taken, rows.count);
  const auto file_name = [&](char* text, std::size_t size) {
    return H5Pget_virtual_filename(creation.get(), index, text, size);
  };
  const auto dataset_name = [&](char* text, std::size_t size) {
    return H5Pget_virtual_dsetname(creation.get(), index, text, size);
  };
  return {rows.first,
          {property_text(file, dataset, file_name), property_text(file, dataset, dataset_name), rows.count}};
}

}  // namespace

void map_sources(const File& file, const Handle& creation, const std::string& name, const Shape& shape,
                 std::span<const VirtualSource> sources) {
  const int rank = static_cast<int>(shape.size());
  const std::vector<hsize_t> all(shape.begin(), shape.end());
  const Handle whole = file.own(H5Screate_simple(rank, all.data(), nullptr), H5Sclose, "map the sources of", name);
  std::vector<hsize_t> start(all.size(), 0);
  for (const VirtualSource& source : sources) {
    if (source.rows == 0) continue;
    std::vector<hsize_t> lengths = all;
    lengths.front() = static_cast<hsize_t>(source.rows);
    const Handle taken =
        file.own(H5Screate_simple(rank, lengths.data(), nullptr), H5Sclose, "map the sources of", name);
    file.check(H5Sselect_hyperslab(whole.get(), H5S_SELECT_SET, start.data(), nullptr, lengths.data(), nullptr),
               "map the sources of", name);
    file.check(H5Pset_virtual(creation.get(), whole.get(), escape(source.file).c_str(), escape(source.dataset).c_str(),
                              taken.get()),
               "map the sources of", name);
    start.front() += lengths.front();
  }
}

std::vector<VirtualPart> virtual_parts(const File& file, const Dataset& dataset) {
  const Handle creation =
      file.own(H5Dget_create_plist(dataset.id.get()), H5Pclose, "read the sources of", dataset.name);
  std::size_t count = 0;
  file.check(H5Pget_virtual_count(creation.get(), &count), "read the sources of", dataset.name);
  if (dataset.shape.empty()) refuse(file, dataset, "it has no rows");
  std::vector<VirtualPart> parts;
  for (std::size_t i = 0; i < count; ++i) parts.push_back(read_part(file, dataset, creation, i));
  std::sort(parts.begin(), parts.end(),
            [](const VirtualPart& a, const VirtualPart& b) { return a.first_row < b.first_row; });
  std::int64_t next_row = 0;
  for (const VirtualPart& part : parts) {
    if (part.first_row != next_row) {
      refuse(file, dataset,
             "row " + std::to_string(std::min(next_row, part.first_row)) + " is filled by no source, or by two");
    }
    next_row += part.source.rows;
  }
  if (next_row != dataset.rows()) refuse(file, dataset, "row " + std::to_string(next_row) + " is filled by no source");
  return parts;
}

}  // namespace datus::hdf5
