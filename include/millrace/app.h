#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "millrace/dataframe.h"
#include "millrace/snapchat_sources.h"

namespace millrace {

/// What a failure may do to results.
enum class Delivery {
  /// Each result is seen once by a read_committed consumer (D1).
  kExactlyOnce,
  /// None is lost, some may be seen twice after a failure (D2).
  kAtLeastOnce,
};

/// Settings of an App; the names and defaults of the YAML.
struct AppOptions {
  /// Of the pipeline: consumer group, state and internal topics are called after it.
  std::string name = {};
  /// Any librdkafka property; "bootstrap.servers" at least.
  std::map<std::string, std::string> kafka = {};
  Delivery delivery = Delivery::kExactlyOnce;
  /// Default: 200 ms exactly once, 1 s at least once.
  std::optional<std::chrono::milliseconds> commit_interval = std::nullopt;
  std::int64_t commit_bytes = 64LL << 20;
  std::int64_t batch_rows = 65'536;
  std::int64_t batch_bytes = 16LL << 20;
  std::chrono::milliseconds batch_delay{0};
  /// Processing threads, each a member of the consumer group.
  int workers = 1;
  /// Warm copies of each task's state on other machines, which follow its changelogs, so that a task that has
  /// to move goes on with little to restore.
  int standbys = 0;
  std::int64_t memory_bytes = 1LL << 30;
  std::string state_dir = "./state";
  /// A quiet source partition stops holding windows open after this time (T3); nullopt: never.
  std::optional<std::chrono::milliseconds> idle_after = std::chrono::milliseconds(10'000);
  /// How far the watermark stays behind the newest event time (T2).
  std::chrono::milliseconds out_of_orderness{0};
  /// Event times further ahead of the clock than this are errors (T4).
  std::chrono::milliseconds max_future{86'400'000};
  /// Where rows go that fail (R3); "": the first one stops the pipeline.
  std::string dead_letter_topic = {};
  /// Makes output topics that do not exist; source topics never.
  bool create_topics = true;
  /// Gives up when no broker answers for this long at the start.
  std::chrono::milliseconds startup_timeout{60'000};
  /// After a signal the process ends with exit code 1 when finishing the batch and committing takes longer
  /// than this; the input is read again at the next start. Only with handle_signals.
  std::chrono::milliseconds stop_timeout{30'000};
  /// Serves /metrics, /healthz, /readyz and /state: "127.0.0.1:8080"; "": nothing is served.
  std::string http_address = {};
  /// SIGTERM and SIGINT stop the app (D5). Off when the program handles them itself and calls Stop.
  bool handle_signals = true;
};

/// How App::Run ended.
class [[nodiscard]] RunResult {
 public:
  /// `exit_code` 0 when it ended well; else `message` says what happened, where and what to do.
  RunResult(int exit_code, std::string message) : exit_code_(exit_code), message_(std::move(message)) {}

  /// Ended or stopped as asked.
  bool ok() const { return exit_code_ == 0; }
  /// 0 ended or stopped, 1 the pipeline failed, 2 invalid pipeline, 3 no broker: for `return
  /// app.Run().ExitCode();`.
  int ExitCode() const { return exit_code_; }
  const std::string& message() const { return message_; }

 private:
  int exit_code_;
  std::string message_;
};

/// A pipeline under construction, and then running.
///
/// Build it with From and the frames that follow, on one thread; then Run. Everything is checked at Run,
/// before the first record is read.
class App {
 public:
  /// Checks nothing yet.
  explicit App(AppOptions options);
  App(App&&) noexcept;
  App& operator=(App&&) noexcept;
  ~App();

  /// The rows of a topic.
  DataFrame From(const Topic& topic, CallSite at = CallSite::current());
  /// The rows of a source outside Kafka, through a topic that the pipeline makes.
  DataFrame From(const SnapchatEntities& entities, CallSite at = CallSite::current());
  DataFrame From(const SnapchatStats& stats, CallSite at = CallSite::current());
  DataFrame From(const SnapchatProfile& profile, CallSite at = CallSite::current());
  DataFrame From(const SnapchatLeads& leads, CallSite at = CallSite::current());

  /// Runs until Stop, a signal or a failure; a failure is also written to the log. May be called once.
  RunResult Run();

  /// Finishes the batch, commits and makes Run return. Any thread; before Run, Run returns at once.
  void Stop();

  /// The pipeline with the columns after every step as text, or what is wrong with it. Needs declared
  /// schemas.
  std::string Explain() const;

 private:
  friend struct api_internal::Access;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace millrace
