// SPDX-License-Identifier: Apache-2.0
#include "comm/failure.hpp"

#include "datus/core/failed_allocation.hpp"
#include "datus/core/text.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <new>
#include <string>
#include <system_error>

namespace datus {
namespace {

ExitCode failing(ExitCode code) {
  return code == ExitCode::done ? ExitCode::failure : code;
}

std::string failed_allocation_text() {
  const std::size_t bytes = last_failed_allocation();
  return bytes == 0 ? "an allocation failed on this rank"
                    : "this rank asked for " + size_text(static_cast<std::int64_t>(bytes)) + " more";
}

/// A path that leads nowhere is bad input, what else a file system refuses is not.
ExitCode code_of(const std::error_code& code) {
  const bool leads_nowhere = code == std::errc::too_many_symbolic_link_levels ||
                             code == std::errc::no_such_file_or_directory || code == std::errc::not_a_directory ||
                             code == std::errc::filename_too_long;
  return leads_nowhere ? ExitCode::bad_input : ExitCode::failure;
}

}  // namespace

Failure describe_failure(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const AgreedError& e) {
    return {failing(e.exit_code()), e.what(), true};
  } catch (const Error& e) {
    return {failing(e.exit_code()), e.what(), false};
  } catch (const std::bad_alloc&) {
    return {ExitCode::failure,
            message_text("out of memory", failed_allocation_text(),
                         "Ask for more memory per task, or start fewer ranks per node."),
            false};
  } catch (const std::filesystem::filesystem_error& e) {
    return {code_of(e.code()),
            message_text("Cannot use " + e.path1().string(), e.code().message(), "Check the path and its permissions."),
            false};
  } catch (const std::system_error& e) {
    if (e.code() != std::errc::resource_unavailable_try_again) return {ExitCode::failure, e.what(), false};
    return {ExitCode::failure,
            message_text("A thread could not be started", e.code().message(),
                         "Raise the limit of processes (ulimit -u), or set fewer threads."),
            false};
  } catch (const std::exception& e) {
    return {ExitCode::failure, e.what(), false};
  } catch (...) {
    return {ExitCode::failure,
            "an exception of an unknown type was thrown (it is not a std::exception) Report this, "
            "with the log of the "
            "run.",
            false};
  }
}

}  // namespace datus
