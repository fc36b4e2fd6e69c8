// An aggregate of one's own beside a built-in one: the spread of the prices per auction and minute.
#include <algorithm>
#include <cstdlib>
#include <limits>

#include <millrace/millrace.h>

using namespace millrace;

/// The greatest price less the least; null when there is none.
struct Spread {
  static constexpr const char* kName = "spread";
  using Argument = double;
  struct State {
    double least = std::numeric_limits<double>::infinity();
    double greatest = -std::numeric_limits<double>::infinity();
  };
  void Update(State& state, std::span<const double> prices) const {
    for (const double price : prices) {
      state.least = std::min(state.least, price);
      state.greatest = std::max(state.greatest, price);
    }
  }
  void Merge(State& state, const State& from) const {
    state.least = std::min(state.least, from.least);
    state.greatest = std::max(state.greatest, from.greatest);
  }
  std::optional<double> Result(const State& state) const {
    if (state.least > state.greatest) return std::nullopt;
    return state.greatest - state.least;
  }
};

int main() {
  const char* broker = std::getenv("KAFKA");
  App app({.name = "spread-per-minute",
           .kafka = {{"bootstrap.servers", broker == nullptr ? "localhost:9092" : broker}}});
  app.From(Topic("bids")
               .Json(schema({{"ts", timestamp_ms()}, {"auction", int64()}, {"price", float64()}}))
               .Key("auction")
               .EventTime("ts"))
      .Window(Tumbling(1min).Grace(5s).By("auction"))
      .Aggregate({count("bids"), custom(Spread(), "price", "spread")})
      .To(Topic("spread_per_minute").Json().Key("auction"));
  return app.Run().ExitCode();
}
