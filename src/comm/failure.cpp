#include "comm/failure.hpp"

#include <new>

namespace datus {
namespace {

ExitCode failing(ExitCode code) {
  return code == ExitCode::done ? ExitCode::failure : code;
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
            "out of memory (an allocation failed on this rank) Ask for more memory per task, or "
            "start fewer ranks per "
            "node.",
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
