// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "crash_states/history.hpp"

#include <cstdint>
#include <random>
#include <string_view>
#include <vector>

namespace datus::crash {

/// What of the calls that nobody waited for a power cut takes. POSIX promises of a file only what fsync of that file
/// returned for, and of a name what fsync of its folder returned for; the rest may be there or not, in any order.
enum class Loss : std::uint8_t {
  all,      ///< nothing is there but what was synced
  bytes,    ///< all names, and files without the bytes that were not synced
  zeros,    ///< all names, and zeros in place of those bytes
  names,    ///< all bytes, no names
  journal,  ///< names up to some point, as a journal keeps them; of the bytes a part
  some,     ///< each call by itself: there, gone, or a part of it
  nothing,  ///< what a killed program leaves
};
constexpr int loss_kinds = 7;
[[nodiscard]] std::string_view name_of(Loss loss);

/// A file system between memory and disk.
class Disk {
 public:
  explicit Disk(const Tree& beginning) : durable_(beginning) {}
  /// A call of the program; `step` has to live as long as this object.
  void perform(const Step& step);
  /// What is there after a power cut now.
  [[nodiscard]] Tree after_power_cut(Loss loss, std::minstd_rand& random) const;

 private:
  struct Pending {
    const Step* step;
    std::vector<NameChange> changes;  ///< those of the step that are still open
  };
  Tree durable_;
  std::vector<Pending> pending_;
};

}  // namespace datus::crash
