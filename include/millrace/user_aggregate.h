#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

#include "millrace/window.h"

namespace millrace {

/// Types of the values that a user's aggregate takes and of what it gives.
enum class UserValueType { kBool, kInt64, kFloat64, kString };

/// What a user's aggregate gives for one group; monostate is null.
using UserValue = std::variant<std::monostate, bool, std::int64_t, double, std::string>;

/// A user's aggregate as Millrace calls it: made by custom(), of which see. Used by all workers at once.
///
/// A state of fixed size lies in memory of the caller, 8-byte aligned; any other is made by NewState. Start
/// comes first. What the user's code throws passes through.
class UserAggregate {
 public:
  /// What is known before anything runs.
  struct Traits {
    /// Of the function, in plans and in the state.
    std::string name;
    /// Of the state.
    int version;
    /// Of the values it takes: bool, std::int64_t, double or std::string_view.
    UserValueType argument;
    /// Of the result.
    UserValueType result;
    /// Of a state that is kept as its bytes; 0 for one that encodes itself.
    std::size_t state_bytes;
  };

  /// No state needs it.
  virtual ~UserAggregate() = default;

  /// The same for the life of the object.
  const Traits& traits() const { return traits_; }

  /// A state of no fixed size.
  virtual std::shared_ptr<void> NewState() const = 0;
  /// Makes it the state of nothing.
  virtual void Start(void* state) const = 0;
  /// `values`: `count` values of the argument's type, at least one.
  virtual void Update(void* state, const void* values, std::size_t count) const = 0;
  /// Adds the values of `from`.
  virtual void Merge(void* state, const void* from) const = 0;
  /// Null, or a value of the result's type.
  virtual UserValue ResultOf(const void* state) const = 0;
  /// Appends the bytes of the state.
  virtual void Encode(const void* state, std::string* out) const = 0;
  /// False when the bytes are no state.
  virtual bool Decode(void* state, std::string_view bytes) const = 0;

 protected:
  /// See Traits.
  explicit UserAggregate(Traits traits) : traits_(std::move(traits)) {}

 private:
  const Traits traits_;
};

namespace api_internal {

/// T of an optional T.
template <typename T>
struct WithoutOptional {
  using Type = T;
};
template <typename T>
struct WithoutOptional<std::optional<T>> {
  using Type = T;
};

/// What F::Result gives, without the optional.
template <typename F>
using UserResultOf = typename WithoutOptional<std::remove_cvref_t<decltype(std::declval<const F&>().Result(
    std::declval<const typename F::State&>()))>>::Type;

/// What an aggregate can take.
template <typename T>
concept UserArgument = std::same_as<T, bool> || std::same_as<T, std::int64_t> || std::same_as<T, double> ||
    std::same_as<T, std::string_view>;

/// What an aggregate can give.
template <typename T>
concept UserResult = std::same_as<T, bool> || std::same_as<T, std::int64_t> || std::same_as<T, double> ||
    std::same_as<T, std::string>;

/// A State that knows its bytes.
template <typename T>
concept EncodesItself = requires(const T& state, T& read, std::string& out, std::string_view bytes) {
  state.Encode(out);
  { read.Decode(bytes) } -> std::same_as<bool>;
};

/// Of an argument or result.
template <typename T>
constexpr UserValueType TypeOfUserValue() {
  if constexpr (std::same_as<T, bool>) return UserValueType::kBool;
  if constexpr (std::same_as<T, std::int64_t>) return UserValueType::kInt64;
  if constexpr (std::same_as<T, double>) return UserValueType::kFloat64;
  return UserValueType::kString;
}

}  // namespace api_internal

/// What the class of an aggregate of one's own has:
///
///     struct Spread {                                   // the greatest price less the least
///       static constexpr const char* kName = "spread";  // of the function: letters, digits and _
///       using Argument = double;
///       struct State {
///         double least = std::numeric_limits<double>::infinity();
///         double greatest = -std::numeric_limits<double>::infinity();
///       };
///       void Update(State& state, std::span<const double> prices) const {
///         for (const double price : prices) {
///           state.least = std::min(state.least, price);
///           state.greatest = std::max(state.greatest, price);
///         }
///       }
///       void Merge(State& state, const State& from) const {
///         state.least = std::min(state.least, from.least);
///         state.greatest = std::max(state.greatest, from.greatest);
///       }
///       std::optional<double> Result(const State& state) const {
///         if (state.least > state.greatest) return std::nullopt;
///         return state.greatest - state.least;
///       }
///     };
///
/// * Argument: bool, std::int64_t (columns of integers), double (columns of any numbers) or std::string_view.
///   Views are valid during the call only.
/// * State: what is kept per group. A new one is `State()`, and goes through `Init(State&)` where the class
///   has that. It is kept as its bytes when it is trivially copyable (no pointers into it, then), else by its
///   own `void Encode(std::string& out) const` and `bool Decode(std::string_view bytes)`, which is false for
///   bytes that are no state. One whose bytes outgrow a record of the changelog at a checkpoint (1,000,000,
///   shared with other aggregates that keep values) is dropped: its group has no result from then on.
/// * Update gets the values of one group in a batch, without nulls, in the order in which the rows came; one
///   at a time where a result per row is asked. Where a batch ends is chance: two calls must do what one with
///   both spans does.
/// * Merge adds a state, and must give what one state of all values is: overlapping windows and sessions are
///   merged from parts.
/// * Result: a bool, std::int64_t, double or std::string, or a std::optional of one; nullopt is null.
/// * `static constexpr int kVersion`, default 1, counts versions of State: a step whose kept states are of
///   another version or size refuses to start (K4).
///
/// One object serves all workers at once: its functions are const. What they throw stops the pipeline.
template <typename F>
concept AggregateFunction = std::copy_constructible<F> && std::default_initializable<typename F::State> &&
    api_internal::UserArgument<typename F::Argument> &&
    (std::is_trivially_copyable_v<typename F::State> ||
     api_internal::EncodesItself<typename F::State>)&&requires(const F& function, typename F::State& state,
                                                               const typename F::State& from,
                                                               std::span<const typename F::Argument> values) {
  { F::kName } -> std::convertible_to<std::string_view>;
  function.Update(state, values);
  function.Merge(state, from);
  requires api_internal::UserResult<api_internal::UserResultOf<F>>;
};

namespace api_internal {

/// Calls an F.
template <AggregateFunction F>
class CustomAggregate final : public UserAggregate {
 public:
  /// `function` is shared by all workers.
  explicit CustomAggregate(F function) : UserAggregate(TraitsOf()), function_(std::move(function)) {}
  std::shared_ptr<void> NewState() const override { return std::make_shared<State>(); }
  void Start(void* state) const override {
    if constexpr (kIsBytes) {
      std::memset(state, 0, sizeof(State));  // what lies between members is kept, too
      new (state) State();
    } else {
      Of(state) = State();
    }
    if constexpr (requires { function_.Init(Of(state)); }) function_.Init(Of(state));
  }
  void Update(void* state, const void* values, std::size_t count) const override {
    function_.Update(Of(state), std::span(static_cast<const Argument*>(values), count));
  }
  void Merge(void* state, const void* from) const override { function_.Merge(Of(state), Of(from)); }
  UserValue ResultOf(const void* state) const override {
    const std::optional<UserResultOf<F>> result = function_.Result(Of(state));
    return result ? UserValue(*result) : UserValue();
  }
  void Encode(const void* state, std::string* out) const override {
    if constexpr (kIsBytes) {
      out->append(static_cast<const char*>(state), sizeof(State));
    } else {
      Of(state).Encode(*out);
    }
  }
  bool Decode(void* state, std::string_view bytes) const override {
    if constexpr (kIsBytes) {
      if (bytes.size() != sizeof(State)) return false;
      std::memcpy(state, bytes.data(), sizeof(State));
      return true;
    } else {
      return Of(state).Decode(bytes);
    }
  }

 private:
  using State = typename F::State;
  using Argument = typename F::Argument;
  static constexpr bool kIsBytes = std::is_trivially_copyable_v<State> && !EncodesItself<State>;
  static_assert(!kIsBytes || alignof(State) <= 8,
                "a State that is kept as its bytes is aligned to 8 at most");

  static State& Of(void* state) { return *static_cast<State*>(state); }
  static const State& Of(const void* state) { return *static_cast<const State*>(state); }
  static Traits TraitsOf() {
    Traits traits{.name = std::string(std::string_view(F::kName)),
                  .version = 1,
                  .argument = TypeOfUserValue<Argument>(),
                  .result = TypeOfUserValue<api_internal::UserResultOf<F>>(),
                  .state_bytes = kIsBytes ? sizeof(State) : 0};
    if constexpr (requires { F::kVersion; }) traits.version = F::kVersion;
    return traits;
  }

  const F function_;
};

}  // namespace api_internal

/// An aggregate of one's own, wherever a built-in one may stand: `custom(Spread(), "price", "spread")`.
template <AggregateFunction F>
Aggregation custom(F function, AggregatedValue value, std::string name) {
  return {.function = std::string(std::string_view(F::kName)),
          .arguments = {std::move(value.value)},
          .name = std::move(name),
          .user = std::make_shared<const api_internal::CustomAggregate<F>>(std::move(function))};
}

}  // namespace millrace
