#pragma once

#include <memory>

#include "connect/changelog.h"
#include "kafka/partition_reader.h"

namespace millrace {

std::unique_ptr<ChangelogReader> MakeKafkaChangelogReader(std::unique_ptr<kafka::PartitionReader> reader);

}  // namespace millrace
