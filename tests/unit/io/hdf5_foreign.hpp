// SPDX-License-Identifier: Apache-2.0
#pragma once

// Files as other programs write them, made by the HDF5 library directly.

#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <hdf5.h>

namespace datus::test {

/// An HDF5 file of any kind. It stays open until the end of its scope.
class ForeignFile {
 public:
  explicit ForeignFile(const std::filesystem::path& path)
      : id_(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT)) {
    EXPECT_GE(id_, 0);
  }
  ~ForeignFile() { H5Fclose(id_); }
  ForeignFile(const ForeignFile&) = delete;
  ForeignFile& operator=(const ForeignFile&) = delete;

  /// A dataset with values of `memory_type`, stored as `type`; nothing is written for a null pointer.
  void dataset(const char* name, hid_t type, const std::vector<hsize_t>& shape, hid_t memory_type, const void* values,
               hid_t creation = H5P_DEFAULT) {
    const hid_t space = H5Screate_simple(static_cast<int>(shape.size()), shape.data(), nullptr);
    const hid_t id = H5Dcreate2(id_, name, type, space, H5P_DEFAULT, creation, H5P_DEFAULT);
    EXPECT_GE(id, 0);
    const herr_t status = values == nullptr ? 0 : H5Dwrite(id, memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values);
    EXPECT_GE(status, 0);
    H5Dclose(id);
    H5Sclose(space);
  }

  /// A dataset that has a type but no dataspace, as h5py.Empty makes.
  void null_dataset(const char* name) {
    const hid_t space = H5Screate(H5S_NULL);
    H5Dclose(H5Dcreate2(id_, name, H5T_IEEE_F32LE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    H5Sclose(space);
  }

  /// An attribute of the root; `count` 0 means a scalar.
  void attribute(const char* name, hid_t type, hsize_t count, const void* value) {
    const hid_t space = count == 0 ? H5Screate(H5S_SCALAR) : H5Screate_simple(1, &count, nullptr);
    const hid_t id = H5Acreate2(id_, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    EXPECT_GE(H5Awrite(id, type, value), 0);
    H5Aclose(id);
    H5Sclose(space);
  }

  [[nodiscard]] hid_t id() const { return id_; }

 private:
  hid_t id_;
};

/// One mapping of a virtual dataset: rows [to, to + count) are rows [from, from + count) of a source of `rows` rows.
struct Mapping {
  std::string file;
  std::string dataset;
  hsize_t to;
  hsize_t count;
  hsize_t from;
  hsize_t rows;
};

/// Writes the f32 virtual dataset `name` of shape [rows, 2].
inline void foreign_virtual(ForeignFile& file, const char* name, hsize_t rows, const std::vector<Mapping>& mappings) {
  const hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
  for (const Mapping& mapping : mappings) {
    const hsize_t all[2] = {rows, 2};
    const hsize_t source_shape[2] = {mapping.rows, 2};
    const hsize_t count[2] = {mapping.count, 2};
    const hsize_t to[2] = {mapping.to, 0};
    const hsize_t from[2] = {mapping.from, 0};
    const hid_t filled = H5Screate_simple(2, all, nullptr);
    const hid_t taken = H5Screate_simple(2, source_shape, nullptr);
    H5Sselect_hyperslab(filled, H5S_SELECT_SET, to, nullptr, count, nullptr);
    H5Sselect_hyperslab(taken, H5S_SELECT_SET, from, nullptr, count, nullptr);
    EXPECT_GE(H5Pset_virtual(creation, filled, mapping.file.c_str(), mapping.dataset.c_str(), taken), 0);
    H5Sclose(taken);
    H5Sclose(filled);
  }
  file.dataset(name, H5T_IEEE_F32LE, {rows, 2}, H5T_NATIVE_FLOAT, nullptr, creation);
  H5Pclose(creation);
}

}  // namespace datus::test
