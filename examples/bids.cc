// Bids per auction and minute: the C++ twin of bids.yaml.
#include <cstdlib>

#include <millrace/millrace.h>

using namespace millrace;

int main() {
  const char* broker = std::getenv("KAFKA");
  App app({.name = "bids-per-minute",
           .kafka = {{"bootstrap.servers", broker == nullptr ? "localhost:9092" : broker}}});
  auto bids = app.From(Topic("bids")
                           .Json(schema({{"ts", timestamp_ms()}, {"auction", int64()}, {"price", float64()}}))
                           .Key("auction")  // the message key is this column: no repartition needed
                           .EventTime("ts"));
  bids.Filter(col("price") > 50)
      .With("revenue", col("price") * 1.2)
      .Window(Tumbling(1min).Grace(5s).By("auction"))
      .Aggregate({count("bids"), sum("revenue", "total"), max("price", "best")})
      .To(Topic("bids_per_minute").Json().Key("auction"));
  return app.Run().ExitCode();
}
