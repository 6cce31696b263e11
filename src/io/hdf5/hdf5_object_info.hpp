// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "io/hdf5/hdf5_attribute.hpp"
#include "io/hdf5/hdf5_library.hpp"

namespace datus::hdf5 {

/// What the library knows of an object (`H5Oget_info2`, whose result is called otherwise in each version): `fields` are
/// those that are wanted, H5O_INFO_….
[[nodiscard]] inline auto object_info(const File& file, const Owner& owner, unsigned fields) {
  const auto read = [&]<class Result>(herr_t (*get)(hid_t, Result*, unsigned)) {
    Result info{};
    file.check(get(owner.id, &info, fields), "look at", owner.name);
    return info;
  };
  return read(&H5Oget_info2);
}

}  // namespace datus::hdf5
