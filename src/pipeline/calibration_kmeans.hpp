#pragma once

#include "datus/comm/communicator.hpp"
#include "datus/pipeline/calibration.hpp"

namespace datus {

/// COLLECTIVE. k-means on made-up rows of `dim` values, unit length and in loose groups, as descriptors are: each rank
/// by itself, all at the same time, on rows that no cache holds (with little time fewer). Fills in the values of
/// k-means, and with several ranks those of an allreduce.
void measure_kmeans(int dim, int threads, double seconds, Communicator& comm, CalibrationValues& values);

}  // namespace datus
