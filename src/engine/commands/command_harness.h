#pragma once

#include <fstream>
#include <sstream>
#include <string>

#include <gtest/gtest.h>

#include "engine/commands/command.h"
#include "env/file.h"
#include "env/random.h"

namespace millrace {

/// How a command ended and what it printed.
struct Outcome {
  Exit exit;
  std::string out;
  std::string err;
};

template <typename Command>
Outcome Execute(Command command) {
  std::ostringstream out;
  std::ostringstream err;
  CommandIo io{out, err};
  const Exit exit = command(io);
  return {exit, out.str(), err.str()};
}

/// A test with a folder of its own for pipeline files.
class CommandTest : public testing::Test {
 protected:
  CommandTest() { EXPECT_TRUE(CreateDirectories(folder_).ok()); }
  ~CommandTest() override { EXPECT_TRUE(RemoveAll(folder_).ok()); }

  /// Its path.
  std::string Write(const std::string& name, const std::string& text) const {
    std::string path = folder_ + "/" + name;
    std::ofstream(path) << text;
    return path;
  }
  const std::string& folder() const { return folder_; }

 private:
  const std::string folder_ = testing::TempDir() + "/commands-" + RandomId();
};

}  // namespace millrace
