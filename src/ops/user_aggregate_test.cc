// Aggregates that users write: what their code is called with, and what becomes of what it says.

#include <map>
#include <random>

#include <arrow/api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ops/aggregator.h"
#include "ops/group_rows.h"
#include "ops/user_aggregate_harness.h"

namespace millrace {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// A text per call, in a list that outlives it. The state lies in its row.
struct Recorder {
  static constexpr const char* kName = "recorder";
  using Argument = std::int64_t;
  struct State {
    std::int64_t sum = 100;  // a new one is State()
  };
  std::vector<std::string>* calls;

  void Update(State& state, std::span<const std::int64_t> values) const {
    std::string text;
    for (const std::int64_t value : values) text += (text.empty() ? "" : " ") + std::to_string(value);
    calls->push_back(text);
    for (const std::int64_t value : values) state.sum += value;
  }
  void Merge(State& into, const State& from) const { into.sum += from.sum - 100; }
  std::int64_t Result(const State& state) const { return state.sum; }
};

/// Whether any was true.
struct Any {
  static constexpr const char* kName = "any_true";
  using Argument = bool;
  struct State {
    bool any = false;
  };
  static void Update(State& state, std::span<const bool> values) {
    for (const bool value : values) state.any = state.any || value;
  }
  static void Merge(State& into, const State& from) { into.any = into.any || from.any; }
  static bool Result(const State& state) { return state.any; }
};

/// Groups of one user's aggregate over columns of a type.
struct Groups {
  Groups(const std::shared_ptr<const UserAggregate>& user, const std::shared_ptr<arrow::DataType>& argument)
      : rows(Made(user, argument)) {
    rows.Resize(kSlots);
    for (std::uint32_t slot = 0; slot < kSlots; ++slot) rows.Clear(slot);
  }
  static constexpr std::uint32_t kSlots = 300;
  static std::vector<std::unique_ptr<Aggregator>> Made(const std::shared_ptr<const UserAggregate>& user,
                                                       const std::shared_ptr<arrow::DataType>& argument) {
    std::vector<std::unique_ptr<Aggregator>> made;
    auto aggregator = MakeAggregator({.function = "", .argument = argument, .user = user});
    EXPECT_TRUE(aggregator.ok()) << aggregator.status().ToString();
    made.push_back(*std::move(aggregator));
    made.push_back(*MakeAggregator({.function = "count"}));  // a neighbour in the rows
    return made;
  }
  AggregateInput Input(const arrow::Array& values, const std::vector<std::uint32_t>& slots) {
    rows.Groups(slots, &addresses);
    times.assign(slots.size(), 0);
    return {.groups = addresses, .state_at = 0, .values = &values, .event_times_ms = times.data()};
  }
  void Add(const arrow::Array& values, const std::vector<std::uint32_t>& slots) {
    EXPECT_TRUE(rows.aggregator(0).Update(Input(values, slots)));
  }
  std::shared_ptr<arrow::Array> Results(const std::vector<std::uint32_t>& slots) {
    for (const std::uint32_t slot : slots) {
      const Status status = rows.AppendResults(slot);
      EXPECT_TRUE(status.ok()) << status.ToString();
    }
    EXPECT_TRUE(rows.aggregator(1).Finish().ok());
    return *rows.aggregator(0).Finish();
  }
  std::string Text(std::uint32_t slot) { return (*Results({slot})->GetScalar(0))->ToString(); }

  GroupRows rows;
  std::vector<std::byte*> addresses;
  std::vector<std::int64_t> times;
};

template <typename Builder, typename T>
std::shared_ptr<arrow::Array> ArrayOf(const std::vector<std::optional<T>>& values) {
  Builder builder;
  for (const auto& value : values) EXPECT_TRUE((value ? builder.Append(*value) : builder.AppendNull()).ok());
  return *builder.Finish();
}

std::shared_ptr<arrow::Array> Ints(const std::vector<std::optional<std::int64_t>>& values) {
  return ArrayOf<arrow::Int64Builder>(values);
}
std::shared_ptr<arrow::Array> Texts(const std::vector<std::optional<std::string>>& values) {
  return ArrayOf<arrow::StringBuilder>(values);
}

TEST(UserAggregateTest, IsCalledOncePerGroupAndBatchWithItsValuesInOrderAndWithoutNulls) {
  std::vector<std::string> calls;
  Groups groups(UserOf(Recorder{&calls}), arrow::int64());
  groups.Add(*Ints({1, 2, 3, {}, 5, 6, {}}), {7, 2, 7, 7, 2, 7, 4});
  EXPECT_THAT(calls, ElementsAre("1 3 6", "2 5"));
  calls.clear();
  groups.Add(*Ints({10, 20, 30}), {4, 2, 4});
  EXPECT_THAT(calls, ElementsAre("10 30", "20"));
  calls.clear();
  groups.Add(*Ints({{}, {}}), {4, 2});
  EXPECT_THAT(calls, ElementsAre());
  EXPECT_EQ(groups.Text(7), "110");
  EXPECT_EQ(groups.Text(2), "127");
  EXPECT_EQ(groups.Text(4), "140");
  EXPECT_EQ(groups.Text(5), "100");
}

TEST(UserAggregateTest, ASliceOfAColumnHasItsOwnValues) {
  std::vector<std::string> calls;
  Groups groups(UserOf(Recorder{&calls}), arrow::int64());
  groups.Add(*Ints({1, {}, 3, 4, {}, 6})->Slice(1, 4), {0, 1, 0, 1});
  EXPECT_THAT(calls, ElementsAre("3", "4"));
}

TEST(UserAggregateTest, ManyGroupsOfManyBatchesGetWhatIsTheirs) {
  std::mt19937_64 random(5);
  std::vector<std::string> calls;
  Groups groups(UserOf(Recorder{&calls}), arrow::int64());
  std::map<std::uint32_t, std::int64_t> expected;
  for (int batch = 0; batch < 40; ++batch) {
    std::vector<std::optional<std::int64_t>> values;
    std::vector<std::uint32_t> slots;
    std::set<std::uint32_t> valued;
    const std::size_t rows = random() % 500;
    const std::uint32_t distinct = 1 + static_cast<std::uint32_t>(random() % Groups::kSlots);
    for (std::size_t row = 0; row < rows; ++row) {
      slots.push_back(static_cast<std::uint32_t>(random() % distinct));
      values.push_back(random() % 5 == 0 ? std::nullopt : std::optional<std::int64_t>(random() % 1000));
      if (!values.back()) continue;
      expected[slots.back()] += *values.back();
      valued.insert(slots.back());
    }
    calls.clear();
    groups.Add(*Ints(values), slots);
    EXPECT_EQ(calls.size(), valued.size());
  }
  for (const auto& [slot, sum] : expected) EXPECT_EQ(groups.Text(slot), std::to_string(100 + sum)) << slot;
}

TEST(UserAggregateTest, AStateLivesAsideWhenItHasNoFixedSize) {
  Groups groups(UserOf(Words()), arrow::utf8());
  groups.Add(*Texts({"b", "a", {}, "c", "b"}), {1, 1, 1, 2, 1});
  EXPECT_EQ(groups.Text(1), "-ab");
  EXPECT_EQ(groups.Text(2), "-c");
  EXPECT_EQ(groups.Text(3), "null");
  groups.rows.Clear(1);
  EXPECT_EQ(groups.Text(1), "null");
}

TEST(UserAggregateTest, AStateThatOutgrewIsGivenUpAndItsCodeIsNotCalledAgain) {
  Groups groups(UserOf(Words()), arrow::utf8());
  groups.rows.set_most_bytes(400);
  const std::string long_text(200, 'x');
  groups.Add(*Texts({long_text, long_text + "y", "a"}), {0, 0, 1});
  std::string bytes;
  groups.rows.Encode(1, &bytes);
  const std::int64_t small = groups.rows.aside_bytes();
  groups.rows.Encode(0, &bytes);
  EXPECT_EQ(groups.rows.aside_bytes(), small);
  EXPECT_LT(bytes.size(), 100U);
  std::size_t aggregate = 0;
  const auto outgrown = [&](std::uint32_t slot) {
    return groups.rows.Unrepresentable(slot, &aggregate) != "";
  };
  EXPECT_TRUE(outgrown(0));
  groups.Add(*Texts({"b", "c"}), {0, 1});
  EXPECT_EQ(groups.Text(0), "null");
  EXPECT_EQ(groups.Text(1), "-ac");
  groups.rows.Merge(1, groups.rows, 0);
  EXPECT_TRUE(outgrown(1)) << "what a part had is not in the whole";
  groups.rows.Clear(0);
  groups.Add(*Texts({"d"}), {0});
  EXPECT_FALSE(outgrown(0));
  EXPECT_EQ(groups.Text(0), "-d");
}

TEST(UserAggregateTest, MergedPartsAreTheWhole) {
  std::vector<std::string> calls;
  Groups numbers(UserOf(Recorder{&calls}), arrow::int64());
  numbers.Add(*Ints({1, 2, 4}), {0, 1, 1});
  numbers.rows.Merge(0, numbers.rows, 1);
  EXPECT_EQ(numbers.Text(0), "107");
  Groups words(UserOf(Words()), arrow::utf8());
  Groups others(UserOf(Words()), arrow::utf8());
  words.Add(*Texts({"a"}), {0});
  others.Add(*Texts({"b", "a"}), {5, 5});
  words.rows.Merge(0, others.rows, 5);
  EXPECT_EQ(words.Text(0), "-ab");
}

TEST(UserAggregateTest, StatesComeBackFromTheirBytes) {
  std::vector<std::string> calls;
  const struct {
    std::shared_ptr<const UserAggregate> user;
    std::shared_ptr<arrow::Array> values;
  } cases[] = {{UserOf(Recorder{&calls}), Ints({3, 4})}, {UserOf(Words()), Texts({"a", "b"})}};
  for (const auto& tried : cases) {
    SCOPED_TRACE(tried.user->traits().name);
    Groups before(tried.user, tried.values->type());
    before.Add(*tried.values, {9, 9});
    std::string bytes;
    before.rows.Encode(9, &bytes);
    std::string again;
    before.rows.Encode(9, &again);
    EXPECT_EQ(bytes, again);
    Groups after(tried.user, tried.values->type());
    const Status read = after.rows.Decode(2, bytes);
    ASSERT_TRUE(read.ok()) << read.ToString();
    EXPECT_EQ(after.Text(2), before.Text(9));
    after.Add(*tried.values, {2, 2});  // goes on where it was
    before.Add(*tried.values, {9, 9});
    EXPECT_EQ(after.Text(2), before.Text(9));
    for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
      const Status refused = after.rows.Decode(3, std::string_view(bytes).substr(0, bytes.size() - cut));
      EXPECT_EQ(refused.code(), StatusCode::kCorrupt) << cut;
    }
  }
}

TEST(UserAggregateTest, BytesThatAreNoStateAreCorrupt) {
  Groups words(UserOf(Words()), arrow::utf8());
  std::string bytes("\x02\0\0\0ab", 6);
  const Status status = words.rows.Decode(0, bytes + std::string(8, '\0'));
  EXPECT_EQ(status.code(), StatusCode::kCorrupt);
  EXPECT_THAT(status.message(), HasSubstr("aggregate 'words' of 2 bytes"));
}

TEST(UserAggregateTest, RunningResultsFollowEachRow) {
  std::vector<std::string> calls;
  Groups groups(UserOf(Recorder{&calls}), arrow::int64());
  std::vector<RowWithoutResult> without;
  const auto fits =
      groups.rows.aggregator(0).UpdateEach(groups.Input(*Ints({1, 2, {}, 4}), {0, 1, 0, 0}), &without);
  ASSERT_TRUE(fits.ok() && *fits);
  EXPECT_TRUE((*groups.rows.aggregator(0).Finish())->Equals(Ints({101, 102, 101, 105})));
  EXPECT_THAT(calls, ElementsAre("1", "2", "4"));
}

TEST(UserAggregateTest, TakesEveryColumnThatHoldsItsValues) {
  std::vector<std::string> calls;
  const auto doubled = UserOf(Doubled());
  const auto recorder = UserOf(Recorder{&calls});
  const auto words = UserOf(Words());
  const struct {
    std::shared_ptr<const UserAggregate> user;
    std::shared_ptr<arrow::DataType> type;
    std::string result;  // over 1 and 2
    std::string refusal = "";
  } cases[] = {
      {doubled, arrow::int8(), "6"},
      {doubled, arrow::uint64(), "6"},
      {doubled, arrow::float32(), "6"},
      {doubled, arrow::float64(), "6"},
      {doubled, arrow::utf8(), "", "doubled() takes an integer or double, not string"},
      {doubled, arrow::boolean(), "", "doubled() takes an integer or double, not bool"},
      {recorder, arrow::int16(), "103"},
      {recorder, arrow::uint32(), "103"},
      {recorder, arrow::uint64(), "", "recorder() takes an integer that fits into int64, not uint64"},
      {recorder, arrow::float64(), "", "recorder() takes an integer that fits into int64, not"},
      {words, arrow::utf8(), "-12"},
      {words, arrow::large_utf8(), "-12"},
      {words, arrow::int64(), "", "words() takes a string, not int64"},
      {UserOf(Any()), arrow::boolean(), "true"},
      {UserOf(Any()), arrow::int64(), "", "any_true() takes bool, not int64"},
  };
  for (const auto& tried : cases) {
    SCOPED_TRACE(tried.user->traits().name + " " + tried.type->ToString());
    if (!tried.refusal.empty()) {
      const auto made = MakeAggregator({.function = "", .argument = tried.type, .user = tried.user});
      EXPECT_EQ(made.status().code(), StatusCode::kInvalidArgument);
      EXPECT_THAT(made.status().message(), HasSubstr(tried.refusal));
      continue;
    }
    arrow::ScalarVector values;
    for (const char* text : {"1", "2"}) {
      const bool flag = tried.type->id() == arrow::Type::BOOL;
      values.push_back(flag ? *arrow::Scalar::Parse(tried.type, *text == '1' ? "true" : "false")
                            : *arrow::Scalar::Parse(tried.type, text));
    }
    auto builder = *arrow::MakeBuilder(tried.type);
    ASSERT_TRUE(builder->AppendScalars(values).ok());
    Groups groups(tried.user, tried.type);
    groups.Add(**builder->Finish(), {0, 0});
    EXPECT_EQ(groups.Text(0), tried.result);
  }
}

template <char... Name>
struct Named : Any {
  static constexpr char kLetters[] = {Name..., '\0'};
  static constexpr const char* kName = kLetters;
};

TEST(UserAggregateTest, ANameIsACallThatIsNotBuiltIn) {
  const struct {
    std::shared_ptr<const UserAggregate> user;
    const char* refusal;
  } cases[] = {{UserOf(Named<'s', 'u', 'm'>()), "'sum' is a built-in aggregate"},
               {UserOf(Named<'a', 'v', 'g'>()), "'avg' is a built-in aggregate"},
               {UserOf(Named<'a', ',', 'b'>()), "'a,b' cannot be the name"},
               {UserOf(Named<'1', 'a'>()), "'1a' cannot be the name"},
               {UserOf(Named<>()), "'' cannot be the name"}};
  for (const auto& tried : cases) {
    const auto made = MakeAggregator({.function = "", .argument = arrow::boolean(), .user = tried.user});
    EXPECT_THAT(made.status().message(), HasSubstr(tried.refusal));
  }
}

TEST(UserAggregateTest, WhatItsCodeThrowsIsAFailureThatStays) {
  for (const char* where : {"Init", "Update", "Merge", "Result", "Encode"}) {
    SCOPED_TRACE(where);
    Groups groups(UserOf(Throwing{where}), arrow::int64());
    groups.Add(*Ints({1, 2}), {0, 1});
    groups.rows.Merge(0, groups.rows, 1);
    std::string bytes;
    groups.rows.Encode(0, &bytes);
    const Status appended = groups.rows.AppendResults(0);
    const std::string message =
        "the aggregate 'throwing' threw in " + std::string(where) + ": too " + std::string(where);
    EXPECT_EQ(appended.code(), StatusCode::kInvalidArgument);
    EXPECT_EQ(appended.message(), message);
    EXPECT_EQ(groups.rows.failure().message(), message);
    groups.Add(*Ints({1}), {0});
    EXPECT_EQ(groups.rows.failure().message(), message);
  }
}

}  // namespace
}  // namespace millrace
