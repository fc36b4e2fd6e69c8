#pragma once

#include <memory>
#include <optional>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "millrace/user_aggregate.h"

namespace millrace {

/// `function` as Millrace calls it.
template <typename F>
std::shared_ptr<const UserAggregate> UserOf(F function) {
  return std::make_shared<const api_internal::CustomAggregate<F>>(std::move(function));
}

/// Keeps the different texts. The state lies aside.
struct TextSet {
  using Argument = std::string_view;
  struct State {
    std::set<std::string, std::less<>> words;

    void Encode(std::string& out) const {
      for (const std::string& word : words) out += word + "\n";
    }
    bool Decode(std::string_view bytes) {
      for (std::size_t end = 0; (end = bytes.find('\n')) != std::string_view::npos;) {
        words.emplace(bytes.substr(0, end));
        bytes.remove_prefix(end + 1);
      }
      return bytes.empty();
    }
  };
  static void Update(State& state, std::span<const std::string_view> values) {
    for (const std::string_view value : values) state.words.emplace(value);
  }
  static void Merge(State& into, const State& from) {
    into.words.insert(from.words.begin(), from.words.end());
  }
};

/// The different texts, sorted and joined.
struct Words : TextSet {
  static constexpr std::string_view kName = "words";
  static constexpr int kVersion = 3;
  static void Init(State& state) { state.words.emplace("-"); }
  static std::optional<std::string> Result(const State& state) {
    if (state.words.size() == 1) return std::nullopt;
    std::string joined;
    for (const std::string& word : state.words) joined += word;
    return joined;
  }
};

/// Twice the sum, as a double.
struct Doubled {
  static constexpr const char* kName = "doubled";
  using Argument = double;
  struct State {
    double sum = 0;
  };
  static void Update(State& state, std::span<const double> values) {
    for (const double value : values) state.sum += value;
  }
  static void Merge(State& into, const State& from) { into.sum += from.sum; }
  static double Result(const State& state) { return 2 * state.sum; }
};

/// Throws in one of its functions.
struct Throwing {
  static constexpr const char* kName = "throwing";
  using Argument = std::int64_t;
  struct State {
    std::string_view where;
    void Encode(std::string& /*out*/) const { ThrowIf(where, "Encode"); }
    static bool Decode(std::string_view /*bytes*/) { return true; }
  };
  std::string_view where;

  static void ThrowIf(std::string_view asked, std::string_view here) {
    if (asked == here) throw std::out_of_range("too " + std::string(here));
  }
  void Init(State& state) const {
    state.where = where;
    ThrowIf(where, "Init");
  }
  void Update(State& /*state*/, std::span<const std::int64_t> /*values*/) const { ThrowIf(where, "Update"); }
  void Merge(State& /*into*/, const State& /*from*/) const { ThrowIf(where, "Merge"); }
  std::int64_t Result(const State& /*state*/) const {
    ThrowIf(where, "Result");
    return 1;
  }
};

}  // namespace millrace
