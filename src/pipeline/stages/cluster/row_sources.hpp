// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/comm/communicator.hpp"
#include "datus/io/hdf5_reader.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace datus {

/// The rows of one dataset within a matrix that several make up.
struct RowSource {
  std::filesystem::path file;
  std::string dataset;     ///< for example "/descriptor"
  std::int64_t first = 0;  ///< row of the matrix at which its rows begin
  std::int64_t rows = 0;
  /// "/descriptor of a.h5", for messages.
  [[nodiscard]] std::string name() const;
};

/// Datasets whose rows, one after the other, make up a matrix n x D. The same on all ranks.
struct RowSources {
  std::vector<RowSource> parts;  ///< some may have no rows
  std::int64_t rows = 0;
  int dim = 0;
  /// Some part is f64: then all rows are read as that.
  bool is_precise = false;

  /// Bytes of one value as it is read.
  [[nodiscard]] std::int64_t value_bytes() const { return is_precise ? sizeof(double) : sizeof(float); }
  /// The part that holds this row of the matrix, which must be one of [0, rows).
  [[nodiscard]] const RowSource& of_row(std::int64_t row) const;
  /// "a.h5", or "a.h5 and 3 more", for messages.
  [[nodiscard]] std::string description() const;
};

/// One dataset that is to be part of a matrix.
struct RowPlace {
  std::filesystem::path file;
  std::string dataset;
  /// Whether it may have no rows: in a run some shard may be without segments.
  bool may_be_empty = false;
};

/// COLLECTIVE. The datasets that a command line names: each text is FILE.h5[:/dataset] or DIR[:/dataset], a folder
/// standing for the files *.h5 and *.hdf5 in it (not those of its own folders, no hidden ones) in byte order. Throws
/// `AgreedError` for a folder without such files.
[[nodiscard]] std::vector<RowPlace> find_row_places(const std::vector<std::string>& texts,
                                                    std::string_view default_dataset, Communicator& comm);

/// COLLECTIVE. The matrix that these datasets make up, in their order. Each file is opened by one rank only, and where
/// it holds hashes it is verified. `places` are the same on all ranks. Throws `AgreedError` naming file and dataset
/// when one is missing, damaged, not a matrix of floating-point numbers, without rows, or of another width than the
/// first. `check`, where set, is called for the index of each place on the rank that is about to open it.
[[nodiscard]] RowSources open_row_sources(const std::vector<RowPlace>& places, Communicator& comm,
                                          const std::function<void(std::size_t place)>& check = {});

/// Reads rows across the parts of a matrix, with one file open at a time.
class RowReader {
 public:
  /// `sources` must outlive the reader.
  explicit RowReader(const RowSources& sources) : sources_(sources) {}

  /// Rows [first, first + count) of the matrix into f32 [count, D], or f64 where the matrix is precise: `T` is that
  /// type. Throws `InputError` naming file and dataset.
  template <class T>
  void read(std::int64_t first, std::int64_t count, std::span<T> values);

 private:
  /// Opens the part's file and looks whether it is still as it was listed.
  void open(const RowSource& part);

  const RowSources& sources_;
  const RowSource* part_ = nullptr;
  std::optional<Hdf5Reader> reader_;
};

}  // namespace datus
