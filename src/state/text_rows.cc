#include "state/text_rows.h"

#include <unistd.h>

#include <gtest/gtest.h>

#include "env/file.h"

namespace millrace {

ScratchDirectory::ScratchDirectory(const std::string& name)
    : path_(testing::TempDir() + "millrace-" + name + "-" + std::to_string(getpid())) {
  EXPECT_TRUE(RemoveAll(path_).ok());
}

ScratchDirectory::~ScratchDirectory() { EXPECT_TRUE(RemoveAll(path_).ok()); }

}  // namespace millrace
