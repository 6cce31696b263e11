#include "pipeline/peak_memory.hpp"

#include "pipeline/stages/cluster/memory_budget.hpp"

#include <algorithm>
#include <fstream>
#include <string>

#include <malloc.h>

namespace datus {
namespace {

/// VmHWM in bytes; 0 when the kernel does not tell.
std::int64_t peak_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string name; status >> name;) {
    std::int64_t kibibytes = 0;
    if (name == "VmHWM:" && status >> kibibytes) return kibibytes * 1024;
  }
  return 0;
}

}  // namespace

PeakMemory::PeakMemory() {
  (void)::malloc_trim(0);
  std::ofstream("/proc/self/clear_refs") << "5";
  before_ = resident_bytes();
}

std::int64_t PeakMemory::growth() const {
  return std::max<std::int64_t>(0, peak_bytes() - before_);
}

}  // namespace datus
