#pragma once

#include "datus/comm/communicator.hpp"

#include <filesystem>
#include <string>

namespace datus {

/// Folders for scratch files beside a run directory, on its file system: ".NAME.calibrating-TAG", and in it one for
/// each rank. Gone with the object, whatever happened; the run directory's own path is never touched. What was made of
/// its parent folders stays only if something lies in them then.
class CalibrationScratch {
 public:
  /// COLLECTIVE. `tag` tells this start of the program from others, and is the same on all ranks. Throws `AgreedError`
  /// naming the folder when it cannot be made.
  CalibrationScratch(const std::filesystem::path& run_directory, const std::string& tag, Communicator& comm);
  ~CalibrationScratch();
  CalibrationScratch(const CalibrationScratch&) = delete;
  CalibrationScratch& operator=(const CalibrationScratch&) = delete;
  CalibrationScratch(CalibrationScratch&&) = delete;
  CalibrationScratch& operator=(CalibrationScratch&&) = delete;

  /// This rank's.
  [[nodiscard]] const std::filesystem::path& folder() const { return mine_; }

 private:
  void remove() const noexcept;

  std::filesystem::path all_;
  std::filesystem::path mine_;
  std::filesystem::path topmost_;  ///< of the parents, the first that did not exist; empty when all did
};

}  // namespace datus
