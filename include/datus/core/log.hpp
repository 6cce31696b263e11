#pragma once

#include <string_view>

namespace datus::log {

/// Lines for people, on stderr, prefixed "datus:"; results go to stdout. Safe from any thread. On ranks above 0 `info`
/// is silent (see `set_quiet`), warnings and errors are not.
void info(std::string_view text);
void warning(std::string_view text);
void error(std::string_view text);

/// Silences `info` on this process. `run_distributed` sets it on all ranks but 0.
void set_quiet(bool quiet);

}  // namespace datus::log
