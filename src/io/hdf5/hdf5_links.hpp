// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <hdf5.h>

namespace datus::hdf5 {

/// What the library calls before it follows an external link (`H5Pset_elink_cb`): refuses one that may lead into a
/// pipe, a socket or a device, which opening or reading would wait for. `reason` is a std::string that gets the reason.
/// A C function: no exception passes.
herr_t refuse_links_into_devices(const char* holder_file, const char* holder_group, const char* target_file,
                                 const char* target, unsigned* flags, hid_t file_access, void* reason) noexcept;

}  // namespace datus::hdf5
