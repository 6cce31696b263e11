#pragma once

#include <cstdint>

namespace datus {

/// The peak of this process' resident memory from its construction on, above what was resident then. Memory that was
/// freed before is given back first, so that its use again counts. Without /proc, and where the kernel does not let the
/// peak (VmHWM) be set back, it counts from the start of the process.
class PeakMemory {
 public:
  PeakMemory();
  /// Bytes, at least 0.
  [[nodiscard]] std::int64_t growth() const;

 private:
  std::int64_t before_ = 0;
};

}  // namespace datus
