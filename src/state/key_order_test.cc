#include "state/key_order.h"

#include <algorithm>
#include <functional>
#include <random>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "env/random.h"

namespace millrace {
namespace {

/// Adds the keys to an index and compares their order with that of std::set.
void ExpectInOrder(const std::set<std::string>& keys, std::mt19937_64* random) {
  std::vector<std::string> added(keys.begin(), keys.end());
  std::shuffle(added.begin(), added.end(), *random);
  RowIndex index;
  std::vector<std::uint32_t> slots;
  for (const std::string& key : added) slots.push_back(index.Insert(7, key, RowIndex::Hash(7, key)));
  std::shuffle(slots.begin(), slots.end(), *random);
  std::vector<std::string> found;
  for (const std::uint32_t slot : InKeyOrder(index, slots)) found.emplace_back(index.Key(slot));
  EXPECT_EQ(found, std::vector<std::string>(keys.begin(), keys.end()));
}

struct Shape {
  const char* name;
  std::function<std::string(std::mt19937_64&)> make;
};

const Shape kShapes[] = {
    {"numbers", [](auto& random) { return std::string("\1\0\0\0\0", 5) + std::to_string(random() % 5'000); }},
    {"long_with_one_begin",
     [](auto& random) { return "https://shop.example/items/" + std::to_string(random() % 100'000); }},
    {"any_bytes_and_zeros",
     [](auto& random) {
       std::string key;
       for (std::uint64_t left = random() % 14; left > 0; --left)
         key.push_back(static_cast<char>(random() % 3 == 0 ? random() : 0));
       return key;
     }},
    {"equal_far_in",
     [](auto& random) {
       return std::string(random() % 3, 'a') + "the same eight and more" + std::to_string(random() % 3'000);
     }},
    {"one_that_is_not_like_the_others",
     [](auto& random) {
       return random() % 1'000 == 0 ? std::to_string(random()) : "some prefix " + std::to_string(random());
     }},
};

class KeyOrder : public testing::TestWithParam<Shape> {};

TEST_P(KeyOrder, IsThatOfTheBytes) {
  for (const std::size_t count : {std::size_t{1}, std::size_t{2}, std::size_t{100}, std::size_t{255},
                                  std::size_t{256}, std::size_t{3'000}}) {
    const std::uint64_t seed = Random::FromSystem().Next();
    SCOPED_TRACE("seed " + std::to_string(seed) + ", up to " + std::to_string(count) + " keys");
    std::mt19937_64 random(seed);
    std::set<std::string> keys;
    for (std::size_t i = 0; i < count; ++i) keys.insert(GetParam().make(random));
    ExpectInOrder(keys, &random);
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, KeyOrder, testing::ValuesIn(kShapes),
                         [](const auto& shape) { return std::string(shape.param.name); });

TEST(KeyOrder, OfNothingIsNothing) { EXPECT_TRUE(InKeyOrder(RowIndex(), {}).empty()); }

}  // namespace
}  // namespace millrace
