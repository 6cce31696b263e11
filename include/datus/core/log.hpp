// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace datus::log {

/// How much is said.
enum class Level {
  quiet,    ///< warnings and errors; all that ranks above 0 say
  normal,   ///< what people want to know: what is left out, how far the work is
  verbose,  ///< also what the program does, step by step
};

/// Lines for people, on stderr, prefixed "datus:"; results go to stdout. Each is one line of at most 16 KiB, whatever
/// is in the text (`printable_line`). Safe from any thread.
void detail(std::string_view text);
void info(std::string_view text);
void warning(std::string_view text);
void error(std::string_view text);

/// Of this process; `normal` until then. `run_distributed` makes all ranks but 0 quiet.
void set_level(Level level);
/// Whether `info` says anything.
[[nodiscard]] bool says_info();

}  // namespace datus::log
