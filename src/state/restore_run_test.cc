#include "state/restore_run.h"

#include <map>
#include <random>
#include <string>

#include <gtest/gtest.h>

namespace millrace {
namespace {

std::string Text(const RestoreRun& run) {
  std::string text;
  EXPECT_TRUE(run.ForEach([&](std::string_view key, std::optional<std::string_view> value) {
                   text += std::string(key) + "=" + std::string(value.value_or("(gone)")) + " ";
                   return Status::Ok();
                 })
                  .ok());
  return text;
}

TEST(RestoreRun, TheLastEntryOfAKeyStaysInKeyOrder) {
  RestoreRun run;
  run.Add("t:", "b", "1");
  run.Add("t:", "a", "2");
  run.Add("t:", "b", std::nullopt);
  run.Add("t:", "c", "");
  run.Add("t:", "a", "3");
  run.Sort();
  EXPECT_EQ(Text(run), "t:a=3 t:b=(gone) t:c= ");
  run.Clear();
  EXPECT_TRUE(run.empty());
  EXPECT_EQ(run.bytes(), 0);
}

TEST(RestoreRun, OneKeyManyTimesAndKeysThatBeginOtherKeysAreTold) {
  RestoreRun run;
  for (int i = 0; i < 3; ++i) run.Add("", "same", std::to_string(i));
  run.Sort();
  EXPECT_EQ(Text(run), "same=2 ");
  run.Clear();
  run.Add("", std::string("k\0", 2), "2");
  run.Add("", "k", "1");
  run.Add("", std::string("k\0\0\0\0\0\0\0\0\0", 10), "3");
  run.Sort();
  EXPECT_EQ(run.size(), 3);
  std::string values;
  EXPECT_TRUE(run.ForEach([&](std::string_view, std::optional<std::string_view> value) {
                   values += *value;
                   return Status::Ok();
                 })
                  .ok());
  EXPECT_EQ(values, "123");
}

TEST(RestoreRun, ItIsAMapOfWhatWasAdded) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 50; ++round) {
    RestoreRun run;
    std::map<std::string, std::string> expected;
    const std::string prefix(random() % 12, 'p');
    for (int i = 0; i < 500; ++i) {
      std::string key;
      for (std::size_t n = random() % 20; n > 0; --n) key.push_back(static_cast<char>(random() % 3 + 254));
      const bool gone = random() % 4 == 0;
      const std::string value = std::to_string(i);
      run.Add(prefix, key, gone ? std::nullopt : std::optional<std::string_view>(value));
      expected[prefix + key] = gone ? "(gone)" : value;
    }
    run.Sort();
    std::string text;
    for (const auto& [key, value] : expected) text += key + "=" + value + " ";
    EXPECT_EQ(Text(run), text);
  }
}

}  // namespace
}  // namespace millrace
