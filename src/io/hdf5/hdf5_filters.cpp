// SPDX-License-Identifier: Apache-2.0
#include "io/hdf5/hdf5_filters.hpp"

#include "datus/core/error.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace datus::hdf5 {
namespace {

constexpr std::string_view action = "read the filters of";

struct KnownFilter {
  H5Z_filter_t number;
  std::string_view name;
};

/// The common ones of those that are registered with the HDF Group. The name in a file may be a long text, or absent.
constexpr std::array<KnownFilter, 12> known_filters{{{4, "szip"},
                                                     {305, "lzo"},
                                                     {307, "bzip2"},
                                                     {32000, "lzf"},
                                                     {32001, "blosc"},
                                                     {32004, "lz4"},
                                                     {32008, "bitshuffle"},
                                                     {32013, "zfp"},
                                                     {32015, "zstd"},
                                                     {32017, "sz"},
                                                     {32024, "sz3"},
                                                     {32026, "blosc2"}}};

/// One filter of a dataset.
struct Filter {
  unsigned place = 0;  ///< in the order in which values go through them when they are written
  H5Z_filter_t number = 0;
  bool may_be_skipped = false;  ///< chunks that it could not make smaller are stored without it
  std::string name;
};

std::string filter_name(H5Z_filter_t number, const char* stored) {
  const auto* known = std::ranges::find(known_filters, number, &KnownFilter::number);
  std::string name(known == known_filters.end() ? stored : known->name);
  return (name.empty() ? "" : name + ", ") + "number " + std::to_string(number);
}

Filter read_filter(const File& file, const Handle& creation, unsigned place, const std::string& name) {
  unsigned flags = 0;
  std::size_t values = 0;
  std::array<char, 80> stored{};
  const H5Z_filter_t number = file.check(
      H5Pget_filter2(creation.get(), place, &flags, &values, nullptr, stored.size() - 1, stored.data(), nullptr),
      action, name);
  return {place, number, (flags & H5Z_FLAG_OPTIONAL) != 0, filter_name(number, stored.data())};
}

/// Whether a chunk went through a filter that may be skipped. Only the first chunks are looked at, for the library
/// walks through the index anew for each.
bool is_used(const File& file, const Dataset& dataset, const Filter& filter) {
  constexpr hsize_t most_looked_at = 1000;
  if (!filter.may_be_skipped) return true;
  const Handle space = file.own(H5Dget_space(dataset.id.get()), H5Sclose, action, dataset.name);
  std::vector<hsize_t> offset(dataset.shape.size());
  hsize_t chunks = 0;
  file.check(H5Dget_num_chunks(dataset.id.get(), space.get(), &chunks), action, dataset.name);
  for (hsize_t i = 0; i < std::min(chunks, most_looked_at); ++i) {
    unsigned skipped = 0;
    haddr_t address = 0;
    hsize_t size = 0;
    file.check(H5Dget_chunk_info(dataset.id.get(), space.get(), i, offset.data(), &skipped, &address, &size), action,
               dataset.name);
    if ((skipped >> filter.place & 1U) == 0) return true;
  }
  return false;
}

}  // namespace

void require_filters(const File& file, const Dataset& dataset) {
  const Handle creation = file.own(H5Dget_create_plist(dataset.id.get()), H5Pclose, action, dataset.name);
  const int count = file.check(H5Pget_nfilters(creation.get()), action, dataset.name);
  for (int i = 0; i < count; ++i) {
    const Filter filter = read_filter(file, creation, static_cast<unsigned>(i), dataset.name);
    if (H5Zfilter_avail(filter.number) > 0 || !is_used(file, dataset, filter)) continue;
    throw InputError("Cannot use " + dataset.name + " of " + file.path().string(),
                     "it is stored through the filter " + filter.name + ", which HDF5 does not have here",
                     filter_advice);
  }
}

}  // namespace datus::hdf5
