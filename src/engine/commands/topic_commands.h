#pragma once

#include <cstdint>
#include <istream>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/commands/cluster_connection.h"
#include "engine/commands/command.h"

namespace millrace {

// `millrace topic ...`: a look at the topics of a cluster, and small changes.

struct TopicListOptions {
  ClusterChoice cluster;
  bool json = false;
};
Exit TopicListCommand(const TopicListOptions& options, CommandIo& io);

struct TopicCreateOptions {
  ClusterChoice cluster;
  std::string topic;
  std::int32_t partitions = 1;
  std::int16_t replication_factor = -1;  ///< -1: the broker's default
  std::vector<std::string> config;       ///< "cleanup.policy=compact"
};
Exit TopicCreateCommand(const TopicCreateOptions& options, CommandIo& io);

struct TopicDescribeOptions {
  ClusterChoice cluster;
  std::string topic;
  bool json = false;
};
/// Partitions with their offsets, and the configuration.
Exit TopicDescribeCommand(const TopicDescribeOptions& options, CommandIo& io);

struct TopicReadOptions {
  ClusterChoice cluster;
  std::string topic;
  std::optional<std::int32_t> partition;
  std::string from = "beginning";  ///< beginning | end | an offset | -N: the last N of each partition
  std::int64_t limit = 0;          ///< records; 0 = all
  bool follow = false;             ///< wait for more instead of ending at the end
  bool json = false;               ///< whole records, see record_json.h; else values only
};
/// Prints committed records (read_committed) outside of any group.
Exit TopicReadCommand(const TopicReadOptions& options, CommandIo& io);

struct TopicWriteOptions {
  ClusterChoice cluster;
  std::string topic;
  std::optional<std::int32_t> partition;
  std::string key_separator;  ///< a line is KEY<separator>VALUE; "" for lines without keys
  bool json = false;          ///< a line is a whole record, see record_json.h
};
/// Writes one record per line of `input`; an empty line is an empty value. Records of JSON go to the
/// partition that they name, or by their key, with their time, or that of the clock.
Exit TopicWriteCommand(const TopicWriteOptions& options, std::istream& input, CommandIo& io);

}  // namespace millrace
