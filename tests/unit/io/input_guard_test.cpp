// SPDX-License-Identifier: Apache-2.0
#include "datus/io/input_guard.hpp"

#include "datus/core/error.hpp"
#include "support/errors.hpp"
#include "support/temp_folder.hpp"

#include <filesystem>

#include <gtest/gtest.h>

namespace datus::test {
namespace input_guard_test {

namespace fs = std::filesystem;

class InputGuards : public testing::Test {
 protected:
  InputGuards() {
    write_bytes(at("keys.h5"), "keys");
    write_bytes(at("photos/reef/a.jpg"), "photo");
  }
  [[nodiscard]] fs::path at(const std::string& name) const { return folder_ / name; }
  void expect_refused(const std::string& output, const std::string& why) const {
    expect_error<UsageError>([&] { guard().check(at(output)); }, {at(output).string(), why});
  }
  [[nodiscard]] InputGuard guard() const { return {at("keys.h5"), at("photos"), at("missing.h5")}; }

 private:
  TempFolder folder_;
};

TEST_F(InputGuards, AFileByAnyOfItsNames) {
  fs::create_symlink("keys.h5", at("link.h5"));
  fs::create_hard_link(at("keys.h5"), at("hard.h5"));
  for (const char* name : {"keys.h5", "link.h5", "hard.h5", "photos/../keys.h5"}) {
    expect_refused(name, "one of the inputs");
  }
}

TEST_F(InputGuards, AFolderWithAllThatLiesInIt) {
  fs::create_directory_symlink("photos/reef", at("elsewhere"));
  for (const char* name :
       {"photos", "photos/new.h5", "photos/new/deep/b.h5", "elsewhere/b.h5", "elsewhere", "photos/."}) {
    expect_refused(name, "lies in the input");
  }
}

TEST_F(InputGuards, OtherPlacesAreFree) {
  write_bytes(at("old.h5"), "keys");
  for (const char* name : {"old.h5", "new.h5", "photos2/a.jpg", "photos.h5", "missing.h5", "no/such/folder/a.h5", ""}) {
    EXPECT_NO_THROW(guard().check(at(name))) << name;
  }
}

}  // namespace input_guard_test
}  // namespace datus::test
