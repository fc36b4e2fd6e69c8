#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "millrace/app.h"

namespace millrace {

namespace api_internal {
/// Ends the process with the message: somebody took the value of a failure.
[[noreturn]] void FailOnMissingValue(const std::string& message);
}  // namespace api_internal

/// How a call of AppTest ended: well, or with a sentence that says what is wrong and what to do.
class [[nodiscard]] AppTestStatus {
 public:
  /// It ended well.
  AppTestStatus() = default;
  /// It did not.
  explicit AppTestStatus(std::string message) : message_(std::move(message)) {}

  /// True when it ended well.
  bool ok() const { return !message_.has_value(); }
  /// "" when ok.
  std::string message() const { return message_.value_or(""); }

 private:
  std::optional<std::string> message_;
};

/// A value, or why there is none.
template <typename T>
class [[nodiscard]] AppTestResult {
 public:
  /// Success.
  AppTestResult(T value) : value_(std::move(value)) {}  // NOLINT: meant to convert
  /// Failure. Precondition: !failure.ok().
  AppTestResult(AppTestStatus failure) : failure_(std::move(failure)) {}  // NOLINT: the same

  /// True when there is a value.
  bool ok() const { return value_.has_value(); }
  /// "" when ok.
  std::string message() const { return failure_.message(); }

  /// Precondition of all three: ok(); else they end the process with the message.
  T& operator*() { return Checked(); }
  const T& operator*() const { return const_cast<AppTestResult*>(this)->Checked(); }
  T* operator->() { return &Checked(); }

 private:
  T& Checked() {
    if (!value_.has_value()) api_internal::FailOnMissingValue(failure_.message());
    return *value_;
  }

  std::optional<T> value_;
  AppTestStatus failure_;
};

/// A record of a topic, as a read_committed consumer sees it; also what a test feeds.
struct AppTestRecord {
  /// nullopt: no key.
  std::optional<std::string> key{};
  std::optional<std::string> value{};  ///< nullopt: a tombstone
  /// Kafka timestamp in ms; fed without one: the manual clock.
  std::optional<std::int64_t> timestamp_ms{};
  std::int32_t partition = 0;
};

/// Runs an App's pipeline synchronously, without a broker, on a clock that moves only when told.
///
/// Everything is real but the broker, file sinks and the clock; nothing happens between calls. Sources need a
/// declared schema. One owner, one thread.
///
///     auto test = AppTest::Make(app);
///     ASSERT_TRUE(test.ok()) << test.message();
///     ASSERT_TRUE(test->Feed("bids", AppTestRecord{.key = "1", .value = bid}).ok());
///     ASSERT_TRUE(test->Advance(2min).ok());
///     EXPECT_EQ(*test->Rows("sink-1"), ...);
class AppTest {
 public:
  /// `start_ms`: the clock at the beginning. `source_partitions`: of every source topic. `first_run`: the
  /// pipeline runs for the first time at `start_ms`, for Expire (AlreadyOver); else nobody knows when it did.
  /// Errors: an invalid pipeline, or a source without a schema.
  static AppTestResult<AppTest> Make(const App& app, std::int64_t start_ms = 0,
                                     std::int32_t source_partitions = 1, bool first_run = false);
  AppTest(AppTest&&) noexcept;
  AppTest& operator=(AppTest&&) noexcept;
  ~AppTest();

  /// Appends a record to a source topic and processes it. Errors: an unknown topic or partition, and what
  /// would stop the pipeline.
  AppTestStatus Feed(const std::string& topic, const std::string& value);
  AppTestStatus Feed(const std::string& topic, const AppTestRecord& record);

  /// Moves the clock and does what follows from it: idle partitions, closed windows. Errors: what would stop
  /// the pipeline.
  AppTestStatus Advance(std::chrono::milliseconds by);

  /// All rows the sink of that step name got so far, each a JSON object with the columns in order. Errors: an
  /// unknown sink.
  AppTestResult<std::vector<std::string>> Rows(const std::string& sink) const;
  /// All committed records of any topic: of sinks, late rows, dead letters. Errors: an unknown topic.
  AppTestResult<std::vector<AppTestRecord>> Records(const std::string& topic) const;
  /// Rows that came after their window closed (W2), or too late for what another step keeps.
  std::int64_t late_rows() const;
  /// Rows that failed and were set aside (R3); those that `on_error: drop` drops are not.
  std::int64_t dead_letters() const;

 private:
  struct Impl;
  explicit AppTest(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace millrace
