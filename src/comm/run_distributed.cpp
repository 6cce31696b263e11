// SPDX-License-Identifier: Apache-2.0
#include "datus/comm/run_distributed.hpp"

#include "comm/failure.hpp"
#include "comm/launch.hpp"
#include "comm/mpi_factory.hpp"
#include "comm/mpi_session.hpp"
#include "datus/comm/self_communicator.hpp"
#include "datus/core/log.hpp"
#include "datus/core/stop_signals.hpp"

#include <exception>
#include <memory>
#include <string>

namespace datus {
namespace {

using Body = std::function<ExitCode(Communicator&)>;

/// Prints the failure of this rank and ends the whole job.
[[noreturn]] void end_job(const Failure& failure, const JobPlace& place) {
  log::error(place.size > 1 ? place.name + ": " + failure.text : failure.text);
  abort_job(failure.code);
}

/// An exception that nobody can catch (thrown in a destructor, a noexcept function or a thread)
/// would end the process without its text, and leave the other ranks waiting where the launcher
/// does not notice.
[[noreturn]] void end_job_on_terminate() noexcept {
  const std::exception_ptr error = std::current_exception();
  const Failure failure = error ? describe_failure(error)
                                : Failure{ExitCode::failure,
                                          "std::terminate was called (without an exception) Report "
                                          "this, with the log of the run."};
  end_job(failure, job_place());
}

/// Puts the handler in place for the time of a run.
class TerminateHandler {
 public:
  TerminateHandler() : previous_(std::set_terminate(end_job_on_terminate)) {}
  ~TerminateHandler() { std::set_terminate(previous_); }
  TerminateHandler(const TerminateHandler&) = delete;
  TerminateHandler& operator=(const TerminateHandler&) = delete;
  TerminateHandler(TerminateHandler&&) = delete;
  TerminateHandler& operator=(TerminateHandler&&) = delete;

 private:
  std::terminate_handler previous_;
};

int report(const Failure& failure) {
  log::error(failure.text);
  return static_cast<int>(failure.code);
}

int run_alone(const Body& body) {
  SelfCommunicator comm;
  return static_cast<int>(body(comm));
}

int run_in_session(const Body& body) {
  // Outlives the handlers below: freeing it is collective, and after a failure the other ranks do
  // not come.
  std::unique_ptr<Communicator> comm;
  try {
    comm = make_mpi_communicator();
    require_right_launch(comm->size());
    if (comm->rank() > 0) log::set_level(log::Level::quiet);
    const ExitCode code = body(*comm);
    ignore_stop_signals();
    return static_cast<int>(code);
  } catch (...) {
    ignore_stop_signals();
    const Failure failure = describe_failure(std::current_exception());
    const JobPlace place = job_place();
    if (!failure.agreed && place.size > 1) end_job(failure, place);
    return place.rank == 0 ? report(failure) : static_cast<int>(failure.code);
  }
}

}  // namespace

int run_distributed(int& argc, char**& argv, const Body& body) {
  const TerminateHandler terminate_handler;
  report_size_limits_as_errors();
  try {
    if (!started_by_launcher()) return run_alone(body);
    require_startable();
    const MpiSession session(argc, argv);
    return run_in_session(body);
  } catch (...) {
    // Only this process can know of it: it is alone, or MPI did not start.
    return report(describe_failure(std::current_exception()));
  }
}

}  // namespace datus
