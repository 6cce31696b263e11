// SPDX-License-Identifier: Apache-2.0
#include <iostream>
#include <vector>

#include <datus/algo/kmeans.hpp>
#include <datus/comm/self_communicator.hpp>
#include <datus/config/config.hpp>
#include <datus/core/version.hpp>
#include <datus/model/backend.hpp>

// Clusters six points on a line, and asks the module with LibTorch what it is: prints "VERSION PRESET LABELS BACKEND".
int main() {
  const std::vector<float> points = {0.0F, 0.1F, 0.2F, 9.0F, 9.1F, 9.2F};
  datus::SelfCommunicator comm;
  datus::KMeansOptions options;
  options.clusters = {2};
  const datus::MemoryRows rows(points, 1);
  const auto results = datus::kmeans(rows, options, {}, comm);
  std::cout << datus::version() << " " << datus::default_config({}).preset << " ";
  for (const auto label : results.at(0).assignment) std::cout << label;
  std::cout << " " << datus::torch_backend() << "\n";
}
