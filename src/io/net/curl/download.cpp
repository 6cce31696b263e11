// SPDX-License-Identifier: Apache-2.0
#include "datus/io/download.hpp"

#include "datus/core/error.hpp"
#include "datus/core/text.hpp"
#include "datus/io/atomic_file.hpp"
#include "io/net/curl/answer.hpp"
#include "io/net/curl/part_file.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <exception>
#include <memory>
#include <string_view>
#include <thread>

#include <curl/curl.h>

namespace datus {
namespace {

using io_detail::Answer;
using io_detail::PartFile;

constexpr int partial_content = 206;
constexpr int bad_range = 416;
constexpr int first_error = 400;

/// One request after another, each continuing the part that is there.
class Transfer {
 public:
  Transfer(const Download& request, PartFile& part) : request_(request), part_(part) {}

  /// Whether the file is complete; `false`: the connection broke, and `why` says how. Throws what `download` does.
  [[nodiscard]] bool run(std::string& why);
  /// Asks `progress`; throws `InterruptedError` when it says so.
  void report() const;

 private:
  void begin_content();
  void take(std::string_view content);
  void require_size(std::int64_t bytes) const;
  void require_complete() const;
  [[noreturn]] void fail(const std::string& why, const std::string& what_to_do) const;
  /// libcurl calls, and no exception may pass it: kept, and thrown when it has returned.
  template <class Function>
  bool guarded(const Function& function) noexcept;
  static std::size_t on_header(char* text, std::size_t size, std::size_t count, void* self) noexcept;
  static std::size_t on_content(char* text, std::size_t size, std::size_t count, void* self) noexcept;
  static int on_progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) noexcept;

  const Download& request_;
  PartFile& part_;
  Answer answer_;
  bool has_begun_ = false;
  std::exception_ptr failure_;
};

void Transfer::fail(const std::string& why, const std::string& what_to_do) const {
  throw SystemError("Cannot download " + request_.url, why, what_to_do);
}

void Transfer::report() const {
  if (request_.progress && request_.progress(part_.bytes(), answer_.total)) {
    throw InterruptedError("The download of " + request_.url, "what is there stays, the same command continues it");
  }
}

void Transfer::require_size(std::int64_t bytes) const {
  if (bytes >= request_.smallest && bytes <= request_.largest) return;
  part_.discard();
  fail("the file has " + size_text(bytes) + "; " + size_text(request_.smallest) + " to " + size_text(request_.largest) +
           " were expected",
       "Look at the address in a browser: it may lead to another file by now.");
}

void Transfer::begin_content() {
  has_begun_ = true;
  if (answer_.type.starts_with("text/html")) {
    fail("a web page came in place of the file", "Look at the address in a browser; a proxy may ask for a login.");
  }
  if (answer_.total > 0) require_size(answer_.total);
  const bool continues = answer_.status == partial_content && answer_.begin == part_.bytes() &&
                         (part_.version().empty() || answer_.version.empty() || answer_.version == part_.version());
  if (continues && part_.bytes() > 0) return;
  if (answer_.status == partial_content) {
    part_.begin("");
    fail("the server continues another file than the one begun", "Start the same command again.");
  }
  part_.begin(answer_.version);
}

void Transfer::take(std::string_view content) {
  if (answer_.status >= first_error) return;  // the page that explains the error
  if (!has_begun_) begin_content();
  if (part_.bytes() + static_cast<std::int64_t>(content.size()) > request_.largest) {
    require_size(part_.bytes() + static_cast<std::int64_t>(content.size()));
  }
  part_.append(content);
}

template <class Function>
bool Transfer::guarded(const Function& function) noexcept {
  try {
    function();
    return true;
  } catch (...) {
    failure_ = std::current_exception();
    return false;
  }
}

std::size_t Transfer::on_header(char* text, std::size_t size, std::size_t count, void* self) noexcept {
  auto& transfer = *static_cast<Transfer*>(self);
  return transfer.guarded([&] { transfer.answer_.read({text, size * count}); }) ? size * count : 0;
}

std::size_t Transfer::on_content(char* text, std::size_t size, std::size_t count, void* self) noexcept {
  auto& transfer = *static_cast<Transfer*>(self);
  // 0 where a byte was asked for is how libcurl is told to stop.
  return transfer.guarded([&] { transfer.take({text, size * count}); }) ? size * count : 0;
}

int Transfer::on_progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) noexcept {
  auto& transfer = *static_cast<Transfer*>(self);
  return transfer.guarded([&] { transfer.report(); }) ? 0 : 1;
}

/// An easy handle of libcurl, whose every setting is checked.
class Request {
 public:
  Request() : handle_(curl_easy_init(), curl_easy_cleanup) {
    if (handle_ == nullptr) throw SystemError("Cannot download", "libcurl does not start", "Check its installation.");
  }
  template <class Value>
  void set(CURLoption option, Value value) {
    if (const CURLcode code = curl_easy_setopt(handle_.get(), option, value); code != CURLE_OK) {
      throw SystemError("Cannot set up a download", std::string("libcurl says: ") + curl_easy_strerror(code),
                        "Use libcurl 7.85 or later, with TLS.");
    }
  }
  void add_header(const std::string& line) {
    curl_slist* longer = curl_slist_append(headers_.get(), line.c_str());
    if (longer == nullptr) throw std::bad_alloc();
    if (headers_ == nullptr) headers_.reset(longer);
    set(CURLOPT_HTTPHEADER, headers_.get());
  }
  [[nodiscard]] CURLcode perform() { return curl_easy_perform(handle_.get()); }

 private:
  std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> headers_{nullptr, curl_slist_free_all};
  std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> handle_;
};

/// Whether another try may help: the connection was there, and broke.
bool is_broken_connection(CURLcode code) {
  constexpr std::array codes = {CURLE_PARTIAL_FILE, CURLE_RECV_ERROR,   CURLE_SEND_ERROR,
                                CURLE_GOT_NOTHING,  CURLE_HTTP2_STREAM, CURLE_OPERATION_TIMEDOUT};
  return std::ranges::find(codes, code) != codes.end();
}

bool Transfer::run(std::string& why) {
  Request request;
  std::array<char, CURL_ERROR_SIZE> text{};
  const bool is_secure = request_.url.starts_with("https:");
  request.set(CURLOPT_URL, request_.url.c_str());
  request.set(CURLOPT_PROTOCOLS_STR, "http,https");
  request.set(CURLOPT_REDIR_PROTOCOLS_STR, is_secure ? "https" : "http,https");
  request.set(CURLOPT_FOLLOWLOCATION, 1L);
  request.set(CURLOPT_MAXREDIRS, 10L);
  request.set(CURLOPT_CONNECTTIMEOUT, 30L);
  request.set(CURLOPT_LOW_SPEED_LIMIT, 1000L);  // bytes a second, for so many seconds
  request.set(CURLOPT_LOW_SPEED_TIME, 60L);
  request.set(CURLOPT_NOSIGNAL, 1L);
  request.set(CURLOPT_NOPROGRESS, 0L);
  request.set(CURLOPT_ERRORBUFFER, text.data());
  request.set(CURLOPT_USERAGENT, "datus");
  request.set(CURLOPT_HEADERFUNCTION, &Transfer::on_header);
  request.set(CURLOPT_HEADERDATA, static_cast<void*>(this));
  request.set(CURLOPT_WRITEFUNCTION, &Transfer::on_content);
  request.set(CURLOPT_WRITEDATA, static_cast<void*>(this));
  request.set(CURLOPT_XFERINFOFUNCTION, &Transfer::on_progress);
  request.set(CURLOPT_XFERINFODATA, static_cast<void*>(this));
  // Without its version nobody knows whether the server's file is still the one that was begun.
  if (part_.bytes() > 0 && !part_.version().empty()) {
    request.add_header("Range: bytes=" + std::to_string(part_.bytes()) + "-");
    request.add_header("If-Range: " + part_.version());
  }
  answer_ = {};
  has_begun_ = false;
  const CURLcode code = request.perform();
  if (failure_) std::rethrow_exception(failure_);
  why = text[0] != '\0' ? text.data() : curl_easy_strerror(code);
  if (code == CURLE_OK && answer_.status == bad_range) {
    part_.begin("");
    why = "the server has less than the part that is here";
    return false;
  }
  constexpr int server_error = 500;
  if (code == CURLE_OK && answer_.status >= first_error) {
    why = "the server answers " + std::to_string(answer_.status);
    if (answer_.status >= server_error) return false;
    fail(why, "Look at the address in a browser; a mirror has to have the same path ($DATUS_WEIGHTS_MIRROR).");
  }
  if (code != CURLE_OK && !is_broken_connection(code)) {
    fail(why, "Check the network and https_proxy. Compute nodes often have no network: use a login node.");
  }
  if (code == CURLE_OK) require_complete();
  return code == CURLE_OK;
}

void Transfer::require_complete() const {
  require_size(part_.bytes());
  if (answer_.total == 0 || part_.bytes() == answer_.total) return;
  part_.discard();
  fail(std::to_string(part_.bytes()) + " bytes came of " + std::to_string(answer_.total),
       "Start the same command again.");
}

}  // namespace

void download(const Download& request) {
  constexpr int tries = 4;
  make_folders(request.file.parent_path());
  PartFile part(request.file);
  Transfer transfer(request, part);
  std::string why;
  for (int i = 0; !transfer.run(why); ++i) {
    if (i + 1 == tries) {
      throw SystemError("Cannot download " + request.url, why + "; " + size_text(part.bytes()) + " are there",
                        "Start the same command again: it goes on where it broke.");
    }
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(1U << static_cast<unsigned>(i));
    while (std::chrono::steady_clock::now() < end) {
      transfer.report();
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
  }
  part.finish();
}

bool can_download() noexcept {
  return true;
}

}  // namespace datus
