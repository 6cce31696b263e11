// SPDX-License-Identifier: Apache-2.0
#include "cli/plain_files.hpp"
#include "support/web_server.hpp"

#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <string>

// Backbones by name: fetched from a server that behaves as servers do, kept, verified, and used.
namespace datus::test {
namespace weights_test {

namespace fs = std::filesystem;

constexpr const char* path_of_file = "/dino/dino_deitsmall16_pretrain/dino_deitsmall16_pretrain.pth";
constexpr const char* name_of_file = "dino_deitsmall16_pretrain.pth";

/// As many bytes as the weights of that name have, and none like its neighbour.
const std::string& content() {
  static const std::string bytes = [] {
    std::string made(86'700'000, '\0');
    for (std::size_t i = 0; i < made.size(); ++i) made[i] = static_cast<char>(i * 2654435761U >> 13U);
    return made;
  }();
  return bytes;
}

std::string header(const std::string& status, std::size_t length, const std::string& more = "") {
  return "HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(length) + "\r\n" + more +
         "Connection: close\r\n\r\n";
}

/// The value of a line of a request's header; empty where there is none.
std::string value_of(const std::string& request, const std::string& name) {
  const auto at = request.find("\r\n" + name + ": ");
  if (at == std::string::npos) return {};
  const auto begin = at + name.size() + 4;
  return request.substr(begin, request.find("\r\n", begin) - begin);
}

/// What a server with ranges sends of `bytes`, of the version `tag`, at most `most` bytes at a time.
std::string serve(const std::string& request, const std::string& bytes, const std::string& tag, std::size_t most) {
  const std::string range = value_of(request, "Range");
  const bool continues = !range.empty() && value_of(request, "If-Range") == tag;
  const std::size_t begin = continues ? std::stoull(range.substr(range.find('=') + 1)) : 0;
  std::string more = "ETag: " + tag + "\r\n";
  if (continues) {
    more += "Content-Range: bytes " + std::to_string(begin) + "-" + std::to_string(bytes.size() - 1) + "/" +
            std::to_string(bytes.size()) + "\r\n";
  }
  return header(continues ? "206 Partial Content" : "200 OK", bytes.size() - begin, more) + bytes.substr(begin, most);
}

class Weights : public testing::Test {
 protected:
  [[nodiscard]] Launch launch(const std::string& mirror) const {
    return {.folder = folder_.path(),
            .environment = {"DATUS_CACHE=" + (folder_ / "cache").string(), "DATUS_WEIGHTS_MIRROR=" + mirror}};
  }
  [[nodiscard]] Outcome get(const WebServer& server) const {
    return run_program({"weights", "get", "dino-vits16"}, launch(server.address()));
  }
  [[nodiscard]] fs::path file() const { return folder_ / "cache" / "weights" / name_of_file; }
  [[nodiscard]] std::size_t files() const {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(file().parent_path()), fs::directory_iterator()));
  }

  TempFolder folder_;
};

TEST_F(Weights, AreFetchedOnceAndVerified) {
  const WebServer server(
      [](const std::string& request) { return serve(request, content(), "\"a\"", std::string::npos); });
  const Outcome first = get(server);
  ASSERT_EQ(first.code, 0) << first;
  EXPECT_EQ(first.out, file().string() + "\n");
  EXPECT_EQ(bytes_of(file()), content());
  ASSERT_EQ(server.requests().size(), 1U);
  EXPECT_TRUE(server.requests()[0].starts_with("GET " + std::string(path_of_file) + " ")) << server.requests()[0];
  EXPECT_EQ(files(), 2U) << "the file and its SHA-256";
  // As sha256sum writes and checks it.
  const std::string check =
      "cd " + file().parent_path().string() + " && sha256sum --quiet -c " + name_of_file + ".sha256";
  EXPECT_EQ(std::system(check.c_str()), 0);

  EXPECT_EQ(get(server).code, 0);
  EXPECT_EQ(server.requests().size(), 1U) << "nothing is fetched twice";
  const Outcome list = run_program({"weights", "list"}, launch(""));
  EXPECT_NE(list.out.find("Apache-2.0    here"), std::string::npos) << list;

  std::string changed = content();
  changed[1000] ^= 1;
  write_bytes(file(), changed);
  expect_refusal(run_program({"weights", "path", "dino-vits16"}, launch("")), 3, {file().string(), "SHA-256"});
}

TEST_F(Weights, GoOnWhereTheConnectionBroke) {
  const WebServer server([](const std::string& request) { return serve(request, content(), "\"a\"", 40'000'000); });
  const Outcome outcome = get(server);
  ASSERT_EQ(outcome.code, 0) << outcome;
  EXPECT_EQ(bytes_of(file()), content());
  ASSERT_EQ(server.requests().size(), 3U);
  EXPECT_EQ(value_of(server.requests()[2], "Range"), "bytes=80000000-");
}

TEST_F(Weights, OfAnotherVersionBeginAnew) {
  fs::create_directories(file().parent_path());
  write_bytes(file().parent_path() / ("." + std::string(name_of_file) + ".part"), "what an earlier call left");
  write_bytes(file().parent_path() / ("." + std::string(name_of_file) + ".part.of"), "\"old\"");
  const WebServer server(
      [](const std::string& request) { return serve(request, content(), "\"new\"", std::string::npos); });
  const Outcome outcome = get(server);
  ASSERT_EQ(outcome.code, 0) << outcome;
  EXPECT_EQ(bytes_of(file()), content());
  EXPECT_EQ(value_of(server.requests()[0], "If-Range"), "\"old\"");
}

TEST_F(Weights, AreFollowedToAnotherAddress) {
  const WebServer server([](const std::string& request) {
    if (request.starts_with("GET /there ")) return serve(request, content(), "\"a\"", std::string::npos);
    return header("302 Found", 0, "Location: /there\r\n");
  });
  const Outcome outcome = get(server);
  ASSERT_EQ(outcome.code, 0) << outcome;
  EXPECT_EQ(bytes_of(file()), content());
}

TEST_F(Weights, ThatAreNoneAreRefused) {
  const std::string page = "<html><body>Please log in</body></html>";
  const WebServer login([&](const std::string&) {
    return header("200 OK", page.size(), "Content-Type: text/html; charset=utf-8\r\n") + page;
  });
  expect_refusal(get(login), 1, {"a web page", login.address() + path_of_file});
  const WebServer other([](const std::string& request) {
    return serve(request, std::string(5'000'000, 'x'), "\"a\"", std::string::npos);
  });
  expect_refusal(get(other), 1, {"4.77 MiB", "were expected"});
  const WebServer endless([](const std::string&) {
    return "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + content() + std::string(20'000'000, 'x');
  });
  expect_refusal(get(endless), 1, {"were expected"});
  const WebServer missing([](const std::string&) { return header("404 Not Found", 4) + "none"; });
  expect_refusal(get(missing), 1, {"404"});
  EXPECT_FALSE(fs::exists(file()));
  expect_refusal(run_program({"weights", "get", "dino-vits16"}, launch("http://127.0.0.1:1")), 1, {"login node"});
  expect_refusal(run_program({"weights", "get", "dino-vits9"}, launch("")), 2, {"dino-vits9", "dino-vits8"});
  expect_refusal(run_program({"weights", "get"}, launch("")), 2, {"takes a name"});
}

TEST_F(Weights, ByNameInARunWithoutAFile) {
  const Arguments command = {"run",       "--images",    source_path("data/suim8/images").string(),
                             "--weights", "dino-vits16", "--k",
                             "3,4",       "--set",       "model.input_size=64"};
  expect_refusal(run_program(command, launch("")), 2, {"datus weights get dino-vits16", file().string()});
  fs::create_directories(file().parent_path());
  fs::copy_file(source_path("data/weights/demo_vit_tiny_patch16.safetensors"), file());
  const Outcome outcome = run_program(command, launch(""));
  ASSERT_EQ(outcome.code, 0) << outcome;
  const fs::path run = folder_ / "runs" / "images";
  EXPECT_TRUE(fs::exists(run / "report" / "index.html"));
  EXPECT_TRUE(fs::exists(run / "masks" / "k004"));
  const std::string config = bytes_of(run / "config.yaml");
  EXPECT_NE(config.find("preset: best"), std::string::npos) << config;
  EXPECT_NE(config.find(file().string()), std::string::npos) << config;
  expect_refusal(run_program({"run"}), 2, {"neither CONFIG nor --images"});
}

}  // namespace weights_test
}  // namespace datus::test
