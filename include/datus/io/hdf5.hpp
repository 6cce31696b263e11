// SPDX-License-Identifier: Apache-2.0
#pragma once

// Everything for HDF5 files; include the narrower header where one suffices.

#include "datus/io/hdf5_reader.hpp"
#include "datus/io/hdf5_types.hpp"
#include "datus/io/hdf5_writer.hpp"
