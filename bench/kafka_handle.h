#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <librdkafka/rdkafka.h>

namespace millrace::bench {

/// What the programs of this folder need of librdkafka. They use it directly, not through the engine, so that
/// the reference and the check of results do not depend on what they measure. Every failure ends the program
/// with a message.
using Properties = std::vector<std::pair<std::string, std::string>>;

struct HandleDeleter {
  void operator()(rd_kafka_t* handle) const { rd_kafka_destroy(handle); }
};
using KafkaHandle = std::unique_ptr<rd_kafka_t, HandleDeleter>;

[[noreturn]] void Die(const std::string& message);

KafkaHandle NewHandle(rd_kafka_type_t type, const std::string& bootstrap, const Properties& properties);

/// High watermark of each partition; its size is the number of partitions, 0 when there is no such topic.
std::vector<std::int64_t> EndOffsets(rd_kafka_t* handle, const std::string& topic);

/// Creates the topic; nothing when it exists.
void CreateTopic(rd_kafka_t* handle, const std::string& topic, int partitions, const Properties& settings);

/// Assigns all partitions from their beginning, outside any group, and redirects them to the consumer queue.
void AssignFromBeginning(rd_kafka_t* consumer, const std::string& topic, std::size_t partitions);

}  // namespace millrace::bench
