// SPDX-License-Identifier: Apache-2.0
#pragma once

// A run that takes a second, for tests that make it again and again.

#include "support/program.hpp"

#include <array>
#include <filesystem>
#include <string>

namespace datus::test {

inline const std::string small_run_name = "run";

/// Links to some of the sample's photos and their ground truth.
class SmallSample {
 public:
  explicit SmallSample(int photos) {
    static constexpr std::array names = {"d_r_47_",  "n_l_12_",   "w_r_147_", "f_r_329_",
                                         "d_r_598_", "f_r_1965_", "n_l_52_",  "n_l_100_"};
    const std::filesystem::path data = source_path("data/suim8");
    // Other users may look at it.
    std::filesystem::permissions(folder_.path(), std::filesystem::perms(0755));
    for (const char* part : {"images", "masks"}) std::filesystem::create_directories(folder_ / part);
    for (int i = 0; i < photos; ++i) {
      const std::string name = names.at(static_cast<std::size_t>(i));
      std::filesystem::create_symlink(data / "images" / (name + ".jpg"), folder_ / "images" / (name + ".jpg"));
      std::filesystem::create_symlink(data / "masks" / (name + ".bmp"), folder_ / "masks" / (name + ".bmp"));
    }
  }

  /// `datus run` in the current folder: a shard for each photo, small inputs, a checkpoint after each iteration.
  [[nodiscard]] Arguments run() const {
    Arguments arguments = {"run", source_path("tests/sample.yaml").string(), "--run", small_run_name};
    for (const std::string& setting :
         {"dataset.images=" + (folder_ / "images").string(), "dataset.truth=" + (folder_ / "masks").string(),
          std::string("dataset.shard_size=1"), std::string("model.input_size=128"), std::string("cluster.k=[3,4]"),
          std::string("cluster.checkpoint_every=1"), std::string("cluster.restarts=1")}) {
      arguments.insert(arguments.end(), {"--set", setting});
    }
    return arguments;
  }

 private:
  TempFolder folder_;
};

}  // namespace datus::test
