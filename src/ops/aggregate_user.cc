// Aggregates that users write (millrace/user_aggregate.h): brings the values of each group together, so that
// user code is called once per group and batch.

#include <algorithm>
#include <cstring>
#include <utility>
#include <variant>

#include <arrow/api.h>

#include "base/check.h"
#include "expr/user_aggregate_type.h"
#include "ops/column_values.h"
#include "ops/object_aggregator.h"
#include "ops/what_was_thrown.h"

namespace millrace {
namespace {

constexpr std::size_t kAlignment = 8;
// A cleared state of more bytes gives way to a new one, which has no memory of its own.
constexpr std::uint32_t kKeptBytes = 256;
// In place of the length of a state that has outgrown its share of a record of the changelog.
constexpr std::uint32_t kOutgrown = 0xffffffffU;

/// Before the bytes of a state in its row.
struct Header {
  std::uint32_t run;   // of this state in the batch under way, when that run is of this state
  std::uint32_t slot;  // of a state that lies aside
};
static_assert(sizeof(Header) == kAlignment);

/// Writes the value of rows[i] to values[places[i]].
template <typename C>
using Gather = void (*)(const arrow::Array& array, const std::vector<std::uint32_t>& rows,
                        const std::vector<std::uint32_t>& places, C* values);

/// A column of results.
class ResultColumn {
 public:
  ResultColumn(UserValueType type, const std::shared_ptr<arrow::DataType>& column_type)
      : builder_(Made(type, column_type)) {}

  Status Append(const UserValue& value) {
    return std::visit(
        [&value]<typename C>(ColumnBuilder<C>& builder) -> Status {
          using Kept = std::conditional_t<std::is_same_v<C, std::string_view>, std::string, C>;
          if (const Kept* const kept = std::get_if<Kept>(&value)) return builder.Append(*kept);
          return builder.AppendNull();
        },
        builder_);
  }
  Result<std::shared_ptr<arrow::Array>> Finish() {
    return std::visit([](auto& builder) { return builder.Finish(); }, builder_);
  }
  /// Of texts.
  std::int64_t bytes() const {
    const auto* const texts = std::get_if<ColumnBuilder<std::string_view>>(&builder_);
    return texts == nullptr ? 0 : texts->bytes();
  }

 private:
  using Builder = std::variant<ColumnBuilder<bool>, ColumnBuilder<std::int64_t>, ColumnBuilder<double>,
                               ColumnBuilder<std::string_view>>;
  static Builder Made(UserValueType type, const std::shared_ptr<arrow::DataType>& column_type) {
    switch (type) {
      case UserValueType::kBool:
        return Builder(std::in_place_type<ColumnBuilder<bool>>, column_type);
      case UserValueType::kInt64:
        return Builder(std::in_place_type<ColumnBuilder<std::int64_t>>, column_type);
      case UserValueType::kFloat64:
        return Builder(std::in_place_type<ColumnBuilder<double>>, column_type);
      case UserValueType::kString:
        break;
    }
    return Builder(std::in_place_type<ColumnBuilder<std::string_view>>, column_type);
  }

  Builder builder_;
};

/// Calls a user's aggregate over arguments of physical type C. A state of fixed size lies in its row behind
/// the header, any other beside the rows, by slot. How much that takes shows when it is encoded, for a
/// checkpoint: where it is more than most_bytes, it is dropped, and its group has no result from then on.
template <typename C>
class UserAggregator final : public Aggregator {
 public:
  UserAggregator(std::shared_ptr<const UserAggregate> user, std::shared_ptr<arrow::DataType> type,
                 Gather<C> gather)
      : Aggregator(type,
                   sizeof(Header) + (user->traits().state_bytes + kAlignment - 1) / kAlignment * kAlignment),
        user_(std::move(user)),
        aside_(user_->traits().state_bytes == 0),
        gather_(gather),
        results_(user_->traits().result, type) {}

  void Resize(std::uint32_t slots) override {
    if (!aside_ || slots <= states_.size()) return;
    states_.resize(slots);
    encoded_bytes_.resize(slots);
  }
  void Clear(std::byte* state, std::uint32_t slot) override {
    new (state) Header{0, slot};
    Call("Init", [&] {
      if (aside_ && (states_[slot] == nullptr || encoded_bytes_[slot] > kKeptBytes))
        states_[slot] = user_->NewState();
      user_->Start(Of(state));
    });
    NoteBytes(state, 0);
  }

  [[nodiscard]] bool Update(const AggregateInput& input) override {
    FindRuns(input);
    GatherValues(input);
    Call("Update", [&] {
      for (const Run& run : runs_) {
        if (!Outgrown(run.state)) user_->Update(Of(run.state), values_.get() + run.begin, run.count);
      }
    });
    return true;
  }

  Result<bool> UpdateEach(const AggregateInput& input, std::vector<RowWithoutResult>* without) override {
    rows_.clear();
    places_.clear();
    ForEachValid(*input.values, [this](std::size_t row) {
      places_.push_back(static_cast<std::uint32_t>(rows_.size()));
      rows_.push_back(static_cast<std::uint32_t>(row));
    });
    GatherValues(input);
    std::size_t next = 0;
    for (std::size_t row = 0; row < input.num_rows(); ++row) {
      std::byte* const state = input.state(row);
      const bool outgrown = Outgrown(state);
      if (next < rows_.size() && rows_[next] == row) {
        if (!outgrown) Call("Update", [&] { user_->Update(Of(state), values_.get() + next, 1); });
        ++next;
      }
      if (outgrown) without->push_back({row, Unrepresentable(state)});
      MR_RETURN_IF_ERROR(Append(state));
    }
    return true;
  }

  void Merge(std::byte* state, const Aggregator& from, const std::byte* from_state) override {
    const auto& other = static_cast<const UserAggregator&>(from);
    if (failure_.ok()) failure_ = other.failure_;
    if (other.Outgrown(from_state)) Outgrow(state);
    if (Outgrown(state)) return;
    Call("Merge", [&] { user_->Merge(Of(state), other.Of(from_state)); });
  }

  Status failure() const override { return failure_; }

  bool grows() const override { return aside_; }
  bool bounded() const override { return aside_; }
  std::string Unrepresentable(const std::byte* state) const override {
    if (!Outgrown(state)) return "";
    return "has a state of more than " + std::to_string(most_bytes()) +
           " bytes, which is what a step can keep for it; keep less per key";
  }

  // Length and bytes, so that a state can be skipped without the code of the user.
  void Encode(const std::byte* state, std::string* out) const override {
    const std::size_t begin = out->size() + sizeof(kOutgrown);
    AppendFixed(kOutgrown, out);
    if (Outgrown(state)) return;
    Call("Encode", [&] { user_->Encode(Of(state), out); });
    if (aside_ && out->size() - begin > static_cast<std::size_t>(most_bytes())) {
      out->resize(begin);
      return Outgrow(state);
    }
    const auto size = static_cast<std::uint32_t>(out->size() - begin);
    std::memcpy(out->data() + begin - sizeof(size), &size, sizeof(size));
    NoteBytes(state, size);
  }
  Status Decode(std::byte* state, std::uint32_t slot, std::string_view* bytes) override {
    Clear(state, slot);
    std::uint32_t size = 0;
    MR_RETURN_IF_ERROR(TakeFixed(bytes, &size));
    if (aside_ && size == kOutgrown) {
      Outgrow(state);
      return Status::Ok();
    }
    if (bytes->size() < size) return Status::Corrupt("an aggregate's state is cut short");
    bool read = false;
    Call("Decode", [&] { read = user_->Decode(Of(state), bytes->substr(0, size)); });
    MR_RETURN_IF_ERROR(failure_);
    if (!read) {
      return Status::Corrupt("a state of aggregate '" + user_->traits().name + "' of " +
                             std::to_string(size) +
                             " bytes is not one of its version; change kVersion with its State");
    }
    bytes->remove_prefix(size);
    NoteBytes(state, size);
    return Status::Ok();
  }

  Status Append(const std::byte* state) override {
    UserValue result;
    if (!Outgrown(state)) Call("Result", [&] { result = user_->ResultOf(Of(state)); });
    MR_RETURN_IF_ERROR(failure_);
    return results_.Append(result);
  }
  Result<std::shared_ptr<arrow::Array>> Finish() override { return results_.Finish(); }
  std::int64_t appended_bytes() const override { return results_.bytes(); }
  std::int64_t ResultBytes(const std::byte* state) const override {
    UserValue result;
    if (!Outgrown(state)) Call("Result", [&] { result = user_->ResultOf(Of(state)); });
    const std::string* const text = std::get_if<std::string>(&result);
    return text == nullptr ? 0 : static_cast<std::int64_t>(text->size());
  }

  /// What the states hold themselves is taken to be what they were when encoded last.
  std::int64_t memory_bytes() const override {
    return aside_bytes_ +
           static_cast<std::int64_t>(
               states_.capacity() * sizeof(states_[0]) +
               encoded_bytes_.capacity() * sizeof(encoded_bytes_[0]) + capacity_ * sizeof(C) +
               (rows_.capacity() + places_.capacity()) * sizeof(rows_[0]) + runs_.capacity() * sizeof(Run));
  }
  std::int64_t aside_bytes() const override { return aside_bytes_; }

 private:
  /// The values of one group in the batch under way: `count` from `begin` on in values_.
  struct Run {
    std::byte* state;
    std::size_t begin = 0;
    std::size_t count = 0;
  };

  /// A state that lies aside takes about as much.
  void NoteBytes(const std::byte* state, std::uint32_t bytes) const {
    if (!aside_) return;
    std::uint32_t& noted = encoded_bytes_[reinterpret_cast<const Header*>(state)->slot];
    aside_bytes_ += static_cast<std::int64_t>(bytes) - std::exchange(noted, bytes);
  }

  /// Of a state that lies aside.
  std::shared_ptr<void>& AsideOf(const std::byte* state) const {
    return states_[reinterpret_cast<const Header*>(state)->slot];
  }
  bool Outgrown(const std::byte* state) const { return aside_ && AsideOf(state) == nullptr; }
  void Outgrow(const std::byte* state) const {
    AsideOf(state).reset();
    NoteBytes(state, 0);
  }

  void* Of(std::byte* state) { return aside_ ? AsideOf(state).get() : state + sizeof(Header); }
  const void* Of(const std::byte* state) const {
    return aside_ ? AsideOf(state).get() : state + sizeof(Header);
  }

  /// Calls into the user's code, unless that failed before.
  template <typename Body>
  void Call(const char* what, const Body& body) const {
    if (!failure_.ok()) return;
    try {
      body();
    } catch (...) {
      failure_ = Status::InvalidArgument("the aggregate '" + user_->traits().name + "' threw in " + what +
                                         ": " + WhatWasThrown());
    }
  }

  /// Sets runs_, and rows_ and places_: the rows with a value, and where their values belong.
  void FindRuns(const AggregateInput& input) {
    rows_.clear();
    places_.clear();
    runs_.clear();
    ForEachValid(*input.values, [&](std::size_t row) {
      std::byte* const state = input.state(row);
      // Of an earlier batch when the run that it names is another's.
      std::uint32_t& run = reinterpret_cast<Header*>(state)->run;
      if (run >= runs_.size() || runs_[run].state != state) {
        run = static_cast<std::uint32_t>(runs_.size());
        runs_.push_back({.state = state});
      }
      ++runs_[run].count;
      rows_.push_back(static_cast<std::uint32_t>(row));
      places_.push_back(run);
    });
    std::size_t begin = 0;
    for (Run& run : runs_) {
      run.begin = begin;
      begin += std::exchange(run.count, 0);
    }
    for (std::uint32_t& place : places_) {
      Run& run = runs_[place];
      place = static_cast<std::uint32_t>(run.begin + run.count++);
    }
  }

  void GatherValues(const AggregateInput& input) {
    if (rows_.size() > capacity_) {
      capacity_ = std::max(rows_.size(), 2 * capacity_);
      values_ = std::make_unique<C[]>(capacity_);
    }
    gather_(*input.values, rows_, places_, values_.get());
  }

  const std::shared_ptr<const UserAggregate> user_;
  const bool aside_;
  const Gather<C> gather_;

  mutable std::vector<std::shared_ptr<void>> states_;  // by slot, of those that lie aside; null: outgrown
  mutable std::vector<std::uint32_t> encoded_bytes_;   // of each of them when it was encoded last
  mutable std::int64_t aside_bytes_ = 0;               // all of them
  ResultColumn results_;
  mutable Status failure_;  // the first

  // Of the batch under way; kept for their memory.
  std::vector<std::uint32_t> rows_;
  std::vector<std::uint32_t> places_;
  std::vector<Run> runs_;
  std::unique_ptr<C[]> values_;
  std::size_t capacity_ = 0;
};

template <typename C, typename Physical, typename Offset>
void GatherAs(const arrow::Array& array, const std::vector<std::uint32_t>& rows,
              const std::vector<std::uint32_t>& places, C* values) {
  const ColumnValues<Physical, Offset> column(array);
  for (std::size_t i = 0; i < rows.size(); ++i) values[places[i]] = static_cast<C>(column[rows[i]]);
}

/// Null when columns of `type` hold no C.
template <typename C>
Gather<C> GatherOf(const arrow::DataType& type) {
  return DispatchPhysical<Gather<C>>(
      type, []<typename Physical, typename Offset>(std::type_identity<Physical>, Offset) -> Gather<C> {
        constexpr bool kNumbers = std::is_arithmetic_v<C> && std::is_arithmetic_v<Physical> &&
                                  !std::is_same_v<C, bool> && !std::is_same_v<Physical, bool>;
        if constexpr (std::is_same_v<C, Physical> || kNumbers) {
          return &GatherAs<C, Physical, Offset>;
        } else {
          return nullptr;
        }
      });
}

template <typename C>
std::unique_ptr<Aggregator> MadeOver(std::shared_ptr<const UserAggregate> user,
                                     std::shared_ptr<arrow::DataType> type, const arrow::DataType& argument) {
  const Gather<C> gather = GatherOf<C>(argument);
  MR_CHECK(gather != nullptr) << user->traits().name << " over " << argument.ToString();
  return std::make_unique<UserAggregator<C>>(std::move(user), std::move(type), gather);
}

// --- States without code ---

struct StateBytes {
  std::string value;
  bool outgrown = false;  // then there is none

  void Merge(const StateBytes& /*other*/) { MR_CHECK(false) << "states of a user are not merged unread"; }
  void Encode(std::string* out) const {
    if (outgrown) return AppendFixed(kOutgrown, out);
    AppendBytes(value, out);
  }
  Status Decode(std::string_view* in) {
    std::string_view rest = *in;
    std::uint32_t size = 0;
    MR_RETURN_IF_ERROR(TakeFixed(&rest, &size));
    outgrown = size == kOutgrown;
    if (!outgrown) return TakeBytes(in, &value);
    *in = rest;
    return Status::Ok();
  }
  std::int64_t aside_bytes() const { return static_cast<std::int64_t>(value.capacity()); }
};

class UserStates final : public ObjectAggregator<StateBytes> {
 public:
  UserStates() : ObjectAggregator<StateBytes>(arrow::binary()), results_(arrow::binary()) {}

  [[nodiscard]] bool Update(const AggregateInput& /*input*/) override {
    MR_CHECK(false) << "states of a user are not updated unread";
    return true;
  }
  Result<bool> UpdateEach(const AggregateInput& input, std::vector<RowWithoutResult>* /*without*/) override {
    return Update(input);
  }
  Status Append(const std::byte* state) override {
    return Of(state).outgrown ? results_.AppendNull() : results_.Append(Of(state).value);
  }
  Result<std::shared_ptr<arrow::Array>> Finish() override { return results_.Finish(); }

 private:
  ColumnBuilder<std::string_view> results_;
};

}  // namespace

Result<std::unique_ptr<Aggregator>> MakeUser(std::shared_ptr<const UserAggregate> user,
                                             const std::shared_ptr<arrow::DataType>& argument) {
  MR_ASSIGN_OR_RETURN(std::shared_ptr<arrow::DataType> type, UserAggregateResultType(*user, argument));
  switch (user->traits().argument) {
    case UserValueType::kBool:
      return MadeOver<bool>(std::move(user), std::move(type), *argument);
    case UserValueType::kInt64:
      return MadeOver<std::int64_t>(std::move(user), std::move(type), *argument);
    case UserValueType::kFloat64:
      return MadeOver<double>(std::move(user), std::move(type), *argument);
    case UserValueType::kString:
      break;
  }
  return MadeOver<std::string_view>(std::move(user), std::move(type), *argument);
}

std::unique_ptr<Aggregator> MakeUserStates() { return std::make_unique<UserStates>(); }

}  // namespace millrace
