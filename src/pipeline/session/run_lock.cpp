// SPDX-License-Identifier: Apache-2.0
#include "pipeline/session/run_lock.hpp"

#include "datus/core/error.hpp"
#include "datus/core/log.hpp"
#include "pipeline/session/lock_file.hpp"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <sstream>
#include <stop_token>
#include <thread>
#include <utility>

namespace datus {
namespace {

namespace fs = std::filesystem;
using lock_detail::between;
using lock_detail::LockFile;
using lock_detail::Sighting;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// What the lock file of a job holds.
std::string lock_text(const JobIdentity& job) {
  return to_text(job) + "\n";
}

/// None when the file is empty or half-written (its holder died then, or is just writing), or is no lock at all.
std::optional<JobIdentity> holder_in(const std::string& text) {
  if (!text.ends_with('\n')) return std::nullopt;
  try {
    return job_from_text(text.substr(0, text.size() - 1));
  } catch (const InputError&) {
    return std::nullopt;
  }
}

std::string described(const std::optional<JobIdentity>& holder) {
  if (!holder) return "a job that cannot be named, because the lock file is empty or damaged";
  return "job " + holder->job + ", restart " + std::to_string(holder->restart) + ", process " +
         std::to_string(holder->root.process) + " on host " + holder->root.host;
}

std::string in_seconds(milliseconds time) {
  std::ostringstream text;
  text << std::chrono::duration<double>(time).count() << " s";
  return text.str();
}

fs::path run_directory_of(const fs::path& lock) {
  return lock.has_parent_path() ? lock.parent_path() : fs::path(".");
}

/// Takes the lock for one job, or refuses.
class Acquisition {
 public:
  Acquisition(const LockFile& file, const JobIdentity& job, LockTiming timing,
              const std::function<bool()>& stop_requested)
      : file_(file), job_(job), text_(lock_text(job)), timing_(timing), stop_requested_(stop_requested) {}

  /// Returns when the job has the lock. Throws `SystemError` that names the holder when another job has it.
  void run() const {
    constexpr int attempts = 1000;
    for (int i = 0; i < attempts; ++i) {
      if (attempt()) return;
      std::this_thread::sleep_for(milliseconds(1));
    }
    throw SystemError("Cannot take the lock " + file_.path().string(), "it changes again and again",
                      "Start one job at a time on a run directory, or give this one another with --run.");
  }

 private:
  enum class Watched { silent, beating, changed };

  /// Whether the job has the lock now. If not, the file has changed meanwhile and has to be judged anew.
  bool attempt() const {
    // Read back, because a job that saw the empty file may have waited for longer than this one took to fill it.
    if (file_.create(text_)) return file_.holds(text_);
    const auto seen = file_.look();
    if (!seen) return false;
    const auto holder = holder_in(seen->text);
    if (holder && holder->job == job_.job && holder->restart < job_.restart) {
      return take_over(*seen, false, "an earlier start of this job");
    }
    switch (holder ? state_of(holder->root) : ProcessState::unknown) {
      case ProcessState::alive:
        refuse(*seen, "that process is alive");
      case ProcessState::dead:
        return take_over(*seen, false, "that process has ended");
      case ProcessState::unknown:
        break;
    }
    return take_over_if_silent(*seen, holder);
  }

  bool take_over_if_silent(const Sighting& seen, const std::optional<JobIdentity>& holder) const {
    const std::string silence = "without a sign of life for " + in_seconds(timing_.stale_after);
    const bool is_old = between(seen.modified, file_.server_now(text_)) > timing_.stale_after;
    const bool has_our_clock = holder && !holder->root.boot.empty() && holder->root.boot == job_.root.boot;
    if (is_old && has_our_clock) return take_over(seen, true, silence);
    switch (watch(seen, is_old ? two_beats() : timing_.stale_after)) {
      case Watched::silent:
        return take_over(seen, true, silence);
      case Watched::beating:
        refuse(seen, "its lock is being renewed");
      case Watched::changed:
        break;
    }
    return false;
  }

  /// File systems may give files the time of whoever writes (Lustre, Ceph): where that clock lags behind ours, a lock
  /// that is being renewed looks old.
  [[nodiscard]] milliseconds two_beats() const { return std::min(timing_.stale_after / 2, timing_.heartbeat) * 2; }

  /// Looks at the file until its modification time moves, or has not moved for that long.
  Watched watch(const Sighting& seen, milliseconds patience) const {
    const steady_clock::duration poll = fraction_of_heartbeat();
    steady_clock::duration silence{0};
    bool said = false;
    for (auto last = steady_clock::now();;) {
      std::this_thread::sleep_for(poll);
      if (stop_requested_ && stop_requested_()) {
        throw InterruptedError("The wait for the lock of " + directory() + " ended", "a signal asked for a stop");
      }
      const auto now = steady_clock::now();
      const auto found = file_.look();
      if (!found || found->text != seen.text) return Watched::changed;
      if (found->modified != seen.modified) return Watched::beating;
      // Not before, because most empty files are full by now, and most living holders have shown themselves.
      if (!std::exchange(said, true)) say_that_it_takes_a_while(seen, patience);
      // Where this process was stopped, or the file server hung, the holder may have had no chance of a beat either.
      silence += std::min(now - last, 2 * poll);
      last = now;
      if (std::chrono::duration_cast<milliseconds>(silence) >= patience) return Watched::silent;
    }
  }

  void say_that_it_takes_a_while(const Sighting& seen, milliseconds patience) const {
    log::info("the run directory " + directory() + " is locked by " + described(holder_in(seen.text)) +
              "; whether that one is alive cannot be seen from here: watching its lock for up to " +
              in_seconds(patience));
  }

  bool take_over(const Sighting& seen, bool unless_modified, const std::string& why) const {
    if (!file_.replace(seen, unless_modified, text_)) return false;
    // Another job may have been between its last look and its rename when we renamed: whose file stays is seen a
    // moment later. One that is stopped there for longer makes us stop in `require_held`.
    std::this_thread::sleep_for(fraction_of_heartbeat());
    if (!file_.holds(text_)) return false;
    log::info("took over the run directory " + directory() + " from " + described(holder_in(seen.text)) + " (" + why +
              ")");
    return true;
  }

  [[noreturn]] void refuse(const Sighting& seen, const std::string& sign) const {
    const auto holder = holder_in(seen.text);
    std::string how = "end it";
    if (holder && holder->job != "local") how += " (scancel " + holder->job + ")";
    throw SystemError("The run directory " + directory() + " is in use", described(holder) + "; " + sign,
                      "Wait until that job has ended, " + how + ", or give this one another directory with --run.");
  }

  [[nodiscard]] std::string directory() const { return run_directory_of(file_.path()).string(); }

  [[nodiscard]] milliseconds fraction_of_heartbeat() const {
    return std::clamp(std::min(timing_.heartbeat, timing_.stale_after) / 4, milliseconds(1), milliseconds(1000));
  }

  const LockFile& file_;
  const JobIdentity& job_;
  std::string text_;
  LockTiming timing_;
  const std::function<bool()>& stop_requested_;
};

}  // namespace

/// The lock that this process has taken: renews it, and removes it in the end.
class RunLock::Hold {
 public:
  Hold(LockFile file, std::string text) : file_(std::move(file)), text_(std::move(text)) {}
  ~Hold() {
    beat_.request_stop();
    if (beat_.joinable()) beat_.join();
    try {
      file_.remove(text_);
    } catch (const std::exception& error) {
      log::warning(error.what());  // the next job finds out that nobody has it
    }
  }
  Hold(const Hold&) = delete;
  Hold& operator=(const Hold&) = delete;
  Hold(Hold&&) = delete;
  Hold& operator=(Hold&&) = delete;

  void start_heartbeat(milliseconds interval) {
    // Longer ones would overflow when they are added to a clock's time.
    const auto pause = std::clamp<milliseconds>(interval, milliseconds(1), std::chrono::hours(24));
    beat_ = std::jthread([this, pause](const std::stop_token& stop) { beat(stop, pause); });
  }

 private:
  void beat(const std::stop_token& stop, milliseconds pause) const {
    std::mutex mutex;
    std::condition_variable_any stopped;
    std::unique_lock lock(mutex);
    while (!stop.stop_requested()) {
      stopped.wait_for(lock, stop, pause, [] { return false; });
      if (stop.stop_requested()) return;
      try {
        file_.touch(text_);
      } catch (const std::exception&) {
        // The file server may be back at the next beat; if it is not, whoever writes a file learns of it.
      }
    }
  }

  LockFile file_;
  std::string text_;
  std::jthread beat_;
};

RunLock::RunLock(fs::path file, JobIdentity job, Communicator& comm, LockTiming timing,
                 const std::function<bool()>& stop_requested)
    : file_(std::move(file)), text_(lock_text(job)) {
  on_root(comm, [&] {
    const LockFile lock(file_);
    Acquisition(lock, job, timing, stop_requested).run();
    hold_ = std::make_unique<Hold>(lock, text_);
    hold_->start_heartbeat(timing.heartbeat);
  });
}

RunLock::~RunLock() = default;

void RunLock::require_held() const {
  const auto found = LockFile(file_).look();
  if (found && found->text == text_) return;
  if (!found) {
    throw SystemError("The lock " + file_.string() + " is gone", "this job had it and somebody else removed it",
                      "Make sure that no other job works on the run directory, and start this one again.");
  }
  throw SystemError("The run directory " + run_directory_of(file_).string() + " was taken over",
                    "its lock is that of " + described(holder_in(found->text)),
                    "This job stops here; let the other one go on.");
}

}  // namespace datus
