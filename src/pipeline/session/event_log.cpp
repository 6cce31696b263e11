// SPDX-License-Identifier: Apache-2.0
#include "pipeline/session/event_log.hpp"

#include "datus/core/error.hpp"
#include "datus/core/log.hpp"
#include "datus/core/names.hpp"
#include "datus/core/text.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <ctime>
#include <mutex>
#include <string>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace datus {
namespace {

using Json = nlohmann::ordered_json;

/// "2031-05-09T07:03:02.045Z".
std::string utc_now() {
  using namespace std::chrono;
  const auto now = floor<milliseconds>(system_clock::now());
  const auto whole = floor<seconds>(now);
  const std::time_t time = system_clock::to_time_t(whole);
  std::tm parts{};
  std::array<char, 32> text{};
  if (::gmtime_r(&time, &parts) == nullptr) return {};
  (void)std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S.", &parts);
  return text.data() + zero_padded((now - whole).count(), 3) + "Z";
}

std::string line_of(std::string_view event, const Json& fields) {
  Json line;
  line["time"] = utc_now();
  line["event"] = event;
  for (const auto& [name, value] : fields.items()) line.emplace(name, Json(value));
  return line.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

/// An open file; none after it could not be opened.
class EventLog::Sink {
 public:
  explicit Sink(std::filesystem::path file);
  ~Sink();
  Sink(const Sink&) = delete;
  Sink& operator=(const Sink&) = delete;
  Sink(Sink&&) = delete;
  Sink& operator=(Sink&&) = delete;

  void append(std::string_view event, const Json& fields);

 private:
  /// Whether all of it was written; errno tells why not.
  bool write_all(std::string_view text);
  void warn(const std::string& why);

  const std::filesystem::path file_;
  std::mutex mutex_;
  int descriptor_ = -1;
  bool warned_ = false;
  bool torn_ = false;  ///< the last line in the file has no end
};

EventLog::Sink::Sink(std::filesystem::path file) : file_(std::move(file)) {
  std::error_code problem;
  if (file_.has_parent_path()) std::filesystem::create_directories(file_.parent_path(), problem);
  if (problem) {
    warn(problem.message());
    return;
  }
  // A pipe must not block, and a link could lead out of the run.
  constexpr int flags = O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
  descriptor_ = ::open(file_.c_str(), flags, 0666);
  if (descriptor_ < 0) warn(errno_text(errno));
}

EventLog::Sink::~Sink() {
  // On network file systems a full disk may show up only here.
  if (descriptor_ >= 0 && ::close(descriptor_) != 0 && errno != EINTR) warn(errno_text(errno));
}

void EventLog::Sink::append(std::string_view event, const Json& fields) {
  if (descriptor_ < 0) return;
  const std::scoped_lock lock(mutex_);  // Also for the time, so that the lines are in its order.
  const std::string line = line_of(event, fields);
  if (!write_all(torn_ ? "\n" + line : line)) warn(errno_text(errno));
}

bool EventLog::Sink::write_all(std::string_view text) {
  while (!text.empty()) {
    const auto written = ::write(descriptor_, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
    torn_ = !text.empty();
  }
  return true;
}

void EventLog::Sink::warn(const std::string& why) {
  if (!std::exchange(warned_, true)) {
    log::warning(message_text("Cannot write the log " + file_.string(), why, "The run goes on without it."));
  }
}

EventLog::EventLog() = default;
EventLog::EventLog(const std::filesystem::path& file) : sink_(std::make_unique<Sink>(file)) {}
EventLog::~EventLog() = default;
EventLog::EventLog(EventLog&&) noexcept = default;
EventLog& EventLog::operator=(EventLog&&) noexcept = default;

void EventLog::write(std::string_view event, const nlohmann::ordered_json& fields) const {
  if (sink_) sink_->append(event, fields);
}

void EventLog::write(std::string_view event) const {
  write(event, Json::object());
}

}  // namespace datus
