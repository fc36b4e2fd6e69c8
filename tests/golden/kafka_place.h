#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "connect/cluster.h"
#include "connectors/kafka/kafka_cluster.h"
#include "engine/test_driver.h"
#include "env/clock.h"

namespace millrace {

/// Where golden cases meet a real Apache Kafka: makes drivers that are used like the one in memory, with a
/// manual clock for the pipeline, while topics, groups and transactions are real.
///
/// Every driver puts a word of its own before all names of its pipeline, and takes it away again from what is
/// read, so that cases share a broker and each other's names. Topics stay behind. One owner, one thread; at
/// most one driver at a time; it must outlive its drivers.
class KafkaPlace {
 public:
  /// `prefix`: different for every place. Errors: kUnavailable when no broker answers.
  static Result<std::unique_ptr<KafkaPlace>> Make(const std::string& bootstrap, std::string prefix);

  /// One worker. With TestRestart::kStop it is stopped between two inputs and starts again without its disk:
  /// state comes back from the changelog. Errors: as TestDriver::Make.
  Result<std::unique_ptr<TestDriver>> MakeDriver(Plan plan, TestDriverOptions options);

 private:
  explicit KafkaPlace(std::string prefix) : prefix_(std::move(prefix)) {}

  const std::string prefix_;
  const SystemClock clock_;
  std::unique_ptr<KafkaCluster> cluster_;
  std::unique_ptr<Producer> producer_;       // of the input
  std::unique_ptr<ChangelogReader> reader_;  // of the output
  int drivers_ = 0;
};

}  // namespace millrace
