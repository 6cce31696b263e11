// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ostream>
#include <streambuf>
#include <string>

namespace datus::jobs {

/// While it lives, what is printed to a stream passes through `printable_line`, line by line, but for tabs: names of
/// files and values of settings may be anybody's, and a terminal must not obey them. It begins and ends when no line is
/// half printed.
class PrintableOutput final : public std::streambuf {
 public:
  explicit PrintableOutput(std::ostream& stream);
  ~PrintableOutput() override;
  PrintableOutput(const PrintableOutput&) = delete;
  PrintableOutput& operator=(const PrintableOutput&) = delete;
  PrintableOutput(PrintableOutput&&) = delete;
  PrintableOutput& operator=(PrintableOutput&&) = delete;

 protected:
  int_type overflow(int_type character) override;
  std::streamsize xsputn(const char* text, std::streamsize size) override;
  int sync() override;

 private:
  /// Passes on what has come so far.
  bool pass_on();

  std::ostream& stream_;
  std::streambuf* behind_;
  std::string text_;
};

}  // namespace datus::jobs
