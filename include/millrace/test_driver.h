#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "millrace/app.h"

namespace millrace {

/// Thrown by AppTest when the pipeline is invalid, would stop, or is asked for a topic or sink it does
/// not have.
class AppTestError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A record of a topic, as a read_committed consumer sees it; also what a test feeds.
struct AppTestRecord {
  /// nullopt: no key.
  std::optional<std::string> key;
  std::optional<std::string> value;  ///< nullopt: a tombstone
  /// Kafka timestamp in ms; fed without one: the manual clock.
  std::optional<std::int64_t> timestamp_ms;
  std::int32_t partition = 0;
};

/// Runs an App's pipeline synchronously, without a broker, on a clock that moves only when told.
///
/// Everything is real but the broker, file sinks and the clock; nothing happens between calls. Sources need a
/// declared schema. One owner, one thread.
///
///     AppTest test(app);
///     test.Feed("bids", R"({"ts": 0, "auction": 1, "price": 60})");
///     test.Advance(2min);
///     EXPECT_EQ(test.Rows("sink-1"), ...);
class AppTest {
 public:
  /// `start_ms`: the clock at the beginning. `source_partitions`: of every source topic.
  explicit AppTest(const App& app, std::int64_t start_ms = 0, std::int32_t source_partitions = 1);
  AppTest(AppTest&&) noexcept;
  AppTest& operator=(AppTest&&) noexcept;
  ~AppTest();

  /// Appends a record to a source topic and processes it.
  void Feed(const std::string& topic, const std::string& value);
  void Feed(const std::string& topic, const AppTestRecord& record);

  /// Moves the clock and does what follows from it: idle partitions, closed windows.
  void Advance(std::chrono::milliseconds by);

  /// All rows the sink of that step name got so far, each a JSON object with the columns in order.
  std::vector<std::string> Rows(const std::string& sink) const;
  /// All committed records of any topic: of sinks, late rows, dead letters.
  std::vector<AppTestRecord> Records(const std::string& topic) const;
  /// Rows that came after their window closed (W2).
  std::int64_t late_rows() const;
  /// Rows that failed (R3).
  std::int64_t dead_letters() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace millrace
