// SPDX-License-Identifier: Apache-2.0
#include "printable_output.hpp"

#include "datus/core/printable.hpp"

#include <cstddef>
#include <string_view>

namespace datus::jobs {

PrintableOutput::PrintableOutput(std::ostream& stream) : stream_(stream), behind_(stream.rdbuf(this)) {}

PrintableOutput::~PrintableOutput() {
  (void)pass_on();
  stream_.rdbuf(behind_);
}

bool PrintableOutput::pass_on() {
  std::string printable;
  std::string_view rest = text_;
  while (!rest.empty()) {
    const std::size_t end = rest.find_first_of("\n\t");
    printable += printable_line(rest.substr(0, end));
    if (end == std::string_view::npos) break;
    printable += rest[end];
    rest.remove_prefix(end + 1);
  }
  text_.clear();
  const auto size = static_cast<std::streamsize>(printable.size());
  return behind_->sputn(printable.data(), size) == size;
}

PrintableOutput::int_type PrintableOutput::overflow(int_type character) {
  if (traits_type::eq_int_type(character, traits_type::eof())) return traits_type::not_eof(character);
  text_ += traits_type::to_char_type(character);
  return text_.back() != '\n' || pass_on() ? character : traits_type::eof();
}

std::streamsize PrintableOutput::xsputn(const char* text, std::streamsize size) {
  text_.append(text, static_cast<std::size_t>(size));
  // Only whole lines: a character of several bytes may come in pieces.
  return text_.ends_with('\n') && !pass_on() ? 0 : size;
}

int PrintableOutput::sync() {
  return pass_on() && behind_->pubsync() == 0 ? 0 : -1;
}

}  // namespace datus::jobs
