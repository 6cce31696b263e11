// SPDX-License-Identifier: Apache-2.0
#include "io/hdf5/hdf5_names.hpp"

#include "datus/core/error.hpp"
#include "datus/core/text.hpp"
#include "io/hdf5/hdf5_storage.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

namespace datus::hdf5 {
namespace {

[[noreturn]] void fail_too_large(const File& file, const Dataset& dataset, std::int64_t most_bytes) {
  throw InputError("Cannot use " + dataset.name + " of " + file.path().string(),
                   "its strings take more than " + size_text(most_bytes) + " of memory",
                   "The file is damaged, or no list of names: make it again.");
}

/// The memory of strings of variable length, which is taken by the library. Many may lead to the same bytes of the
/// file, so that a small one would fill any memory; those of an honest file take no more than it has.
struct Allowance {
  std::int64_t left;

  static void* take(std::size_t bytes, void* allowance) noexcept {
    auto& self = *static_cast<Allowance*>(allowance);
    self.left -= static_cast<std::int64_t>(bytes);
    return self.left < 0 ? nullptr : std::malloc(bytes);
  }
  static void give_back(void* memory, void* /*allowance*/) noexcept { std::free(memory); }
};

std::vector<std::string> read_variable_names(const File& file, const Dataset& dataset) {
  std::vector<char*> stored(static_cast<std::size_t>(dataset.rows()), nullptr);
  if (stored.empty()) return {};
  const auto most_bytes = static_cast<std::int64_t>(holder_bytes(file, dataset));
  Allowance allowance{most_bytes};
  const Handle transfer = file.own(H5Pcreate(H5P_DATASET_XFER), H5Pclose, "read", dataset.name);
  file.check(H5Pset_vlen_mem_manager(transfer.get(), Allowance::take, &allowance, Allowance::give_back, &allowance),
             "read", dataset.name);
  const Handle type = file.own(H5Dget_type(dataset.id.get()), H5Tclose, "read", dataset.name);
  const Handle space = file.own(H5Dget_space(dataset.id.get()), H5Sclose, "read", dataset.name);
  const herr_t status = H5Dread(dataset.id.get(), type.get(), H5S_ALL, H5S_ALL, transfer.get(), stored.data());
  std::vector<std::string> names;
  for (char* text : stored) {
    if (status >= 0) names.emplace_back(text == nullptr ? "" : text);
    std::free(text);
  }
  if (allowance.left < 0) fail_too_large(file, dataset, most_bytes);
  file.check(status, "read", dataset.name);
  return names;
}

std::vector<std::string> read_fixed_names(const File& file, const Dataset& dataset) {
  constexpr std::int64_t piece_bytes = std::int64_t{1} << 20;
  constexpr std::int64_t most_bytes = std::int64_t{1} << 30;
  const auto size = static_cast<std::int64_t>(dataset.type.size);
  if (size > most_bytes) fail_too_large(file, dataset, most_bytes);
  const std::int64_t piece_rows =
      std::clamp<std::int64_t>(piece_bytes / size, 1, std::max<std::int64_t>(dataset.rows(), 1));
  std::vector<char> piece(static_cast<std::size_t>(piece_rows * size));
  const Handle type = file.own(H5Dget_type(dataset.id.get()), H5Tclose, "read", dataset.name);
  const bool padded_by_spaces = H5Tget_strpad(type.get()) == H5T_STR_SPACEPAD;
  std::vector<std::string> names;
  std::int64_t taken = 0;
  for (std::int64_t first = 0; first < dataset.rows(); first += piece_rows) {
    const std::int64_t rows = std::min(piece_rows, dataset.rows() - first);
    read_rows(file, dataset, first, rows, type.get(), piece.data());
    for (std::int64_t row = 0; row < rows; ++row) {
      const char* begin = piece.data() + row * size;
      std::string& text = names.emplace_back(begin, std::find(begin, begin + size, '\0'));
      if (padded_by_spaces) text.resize(text.find_last_not_of(' ') + 1);
      taken += static_cast<std::int64_t>(text.size());
    }
    if (taken > most_bytes) fail_too_large(file, dataset, most_bytes);
  }
  return names;
}

}  // namespace

std::vector<std::string> read_names(const File& file, const Dataset& dataset) {
  return dataset.type.variable_length ? read_variable_names(file, dataset) : read_fixed_names(file, dataset);
}

}  // namespace datus::hdf5
