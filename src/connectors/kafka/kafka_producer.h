#pragma once

#include <memory>

#include "connect/producer.h"
#include "kafka/record_producer.h"

namespace millrace {

/// A Producer whose SendOffsets takes tokens of the Kafka connector's group members only.
std::unique_ptr<Producer> MakeKafkaProducer(std::unique_ptr<kafka::RecordProducer> producer);

}  // namespace millrace
