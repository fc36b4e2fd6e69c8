#include "engine/commands/topic_commands.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "base/counted.h"
#include "engine/commands/record_json.h"
#include "engine/commands/topic_lookup.h"
#include "engine/yaml/json_value.h"

namespace millrace {
namespace {

/// Runs `body` with a connected cluster; its errors and those of connecting are reported.
template <typename Body>
Exit WithCluster(const ClusterChoice& choice, CommandIo& io, Body body) {
  const SystemClock clock;
  MetricRegistry metrics;
  const Result<std::map<std::string, std::string>> properties = PropertiesOf(choice);
  if (!properties.ok()) return Report(io, properties.status(), Exit::kUsage);
  const Result<std::unique_ptr<Cluster>> cluster =
      ConnectCluster(*properties, choice.startup_timeout, clock, metrics);
  if (cluster.status().code() == StatusCode::kInvalidArgument)
    return Report(io, cluster.status(), Exit::kUsage);
  if (!cluster.ok()) return Report(io, cluster.status());
  return Report(io, body(**cluster));
}

Status List(Cluster& cluster, bool json, std::ostream& out) {
  MR_ASSIGN_OR_RETURN(const std::vector<TopicDescription> topics, cluster.admin().List());
  for (const TopicDescription& topic : topics) {
    if (json) {
      out << "{\"topic\":" << JsonString(topic.name) << ",\"partitions\":" << topic.partitions << "}\n";
    } else {
      out << topic.name << "  " << Counted(topic.partitions, "partition") << "\n";
    }
  }
  return Status::Ok();
}

Status DescribeTopic(Cluster& cluster, const TopicDescribeOptions& options, std::ostream& out) {
  MR_ASSIGN_OR_RETURN(TopicDescription topic, FindTopic(cluster, options.topic));
  // A broker without admin requests (the embedded one of another process) has no configuration to show.
  if (auto full = cluster.admin().Describe(options.topic); full.ok() && *full) topic = **full;
  MR_ASSIGN_OR_RETURN(const std::unique_ptr<ChangelogReader> reader, cluster.MakeChangelogReader());
  std::string partitions;
  std::string lines;
  for (std::int32_t p = 0; p < topic.partitions; ++p) {
    MR_ASSIGN_OR_RETURN(const auto bounds, reader->Bounds({options.topic, Partition(p)}));
    const std::string first = std::to_string(bounds.first.value());
    const std::string end = std::to_string(bounds.second.value());
    partitions += (p == 0 ? "" : ",") + std::string("{\"partition\":") + std::to_string(p) +
                  ",\"first\":" + first + ",\"end\":" + end + "}";
    lines += "  partition " + std::to_string(p) + ": offsets " + first + " to " + end + "\n";
  }
  if (options.json) {
    out << "{\"topic\":" << JsonString(topic.name) << ",\"id\":" << JsonString(topic.topic_id)
        << ",\"partitions\":[" << partitions << "],\"config\":{";
    bool first = true;
    for (const auto& [key, value] : topic.config) {
      out << (first ? "" : ",") << JsonString(key) << ":" << JsonString(value);
      first = false;
    }
    out << "}}\n";
    return Status::Ok();
  }
  out << topic.name << ", " << Counted(topic.partitions, "partition")
      << (topic.topic_id.empty() ? "" : ", id " + topic.topic_id) << "\n"
      << lines;
  for (const auto& [key, value] : topic.config) out << "  " << key << " = " << value << "\n";
  return Status::Ok();
}

/// One partition being read.
struct ReadRange {
  TopicPartition partition;
  Offset end;
};

Result<Offset> StartOffset(const std::string& from, Offset first, Offset end) {
  if (from == "beginning") return first;
  if (from == "end") return end;
  std::int64_t number = 0;
  try {
    std::size_t used = 0;
    number = std::stoll(from, &used);
    if (used != from.size()) throw std::invalid_argument(from);
  } catch (const std::exception&) {
    return Status::InvalidArgument("--from takes beginning, end, an offset, or -N for the last N, not '" +
                                   from + "'");
  }
  const std::int64_t at = number < 0 ? end.value() + number : number;
  return Offset(std::clamp(at, first.value(), end.value()));
}

void WriteRecord(const RecordBlock& block, std::int64_t i, bool json, std::ostream& out) {
  if (json) return WriteRecordJson(block, i, out);
  const BytesView value = block.values()[static_cast<std::size_t>(i)];
  out << (value.is_null() ? std::string_view("null") : value.view()) << "\n";
}

Status CheckPartition(const TopicDescription& topic, const std::optional<std::int32_t>& partition) {
  if (!partition || (*partition >= 0 && *partition < topic.partitions)) return Status::Ok();
  return Status::NotFound("topic '" + topic.name + "' has no partition " + std::to_string(*partition) +
                          "; it has " + std::to_string(topic.partitions) + ", counted from 0");
}

Status Read(Cluster& cluster, const TopicReadOptions& options, std::ostream& out) {
  MR_ASSIGN_OR_RETURN(const TopicDescription topic, FindTopic(cluster, options.topic));
  MR_ASSIGN_OR_RETURN(const std::unique_ptr<ChangelogReader> reader, cluster.MakeChangelogReader());
  MR_RETURN_IF_ERROR(CheckPartition(topic, options.partition));
  std::vector<ReadRange> ranges;
  for (std::int32_t p = 0; p < topic.partitions; ++p) {
    if (options.partition && *options.partition != p) continue;
    const TopicPartition partition{options.topic, Partition(p)};
    MR_ASSIGN_OR_RETURN(const auto bounds, reader->Bounds(partition));
    MR_ASSIGN_OR_RETURN(const Offset from, StartOffset(options.from, bounds.first, bounds.second));
    if (from >= bounds.second && !options.follow) continue;
    MR_RETURN_IF_ERROR(reader->Add(partition, from));
    ranges.push_back({partition, bounds.second});
  }
  std::int64_t written = 0;
  while (!ranges.empty()) {
    MR_ASSIGN_OR_RETURN(const auto blocks, reader->Poll(Duration(200)));
    for (const auto& block : blocks) {
      for (std::int64_t i = 0; i < block->num_records(); ++i) {
        WriteRecord(*block, i, options.json, out);
        if (++written == options.limit) return Status::Ok();
      }
    }
    out.flush();
    if (!out) return Status::Ok();  // nobody reads any more
    if (!options.follow) {
      std::erase_if(ranges,
                    [&](const ReadRange& range) { return reader->Position(range.partition) >= range.end; });
    }
  }
  return Status::Ok();
}

/// A line as KEY<separator>VALUE, or as a value alone.
Result<JsonRecord> SplitLine(const std::string& line, const std::string& separator) {
  JsonRecord record;
  if (separator.empty()) {
    record.value = line;
    return record;
  }
  const std::size_t at = line.find(separator);
  if (at == std::string::npos)
    return Status::InvalidArgument("there is no key separator '" + separator + "'");
  record.key = line.substr(0, at);
  record.value = line.substr(at + separator.size());
  return record;
}

BytesView ViewOf(const std::optional<std::string>& bytes) {
  return bytes ? BytesView::Of(*bytes) : BytesView{};
}

Status Send(const JsonRecord& record, const TopicDescription& topic, const TopicWriteOptions& options,
            Producer& producer) {
  const std::optional<std::int32_t> partition = options.partition ? options.partition : record.partition;
  MR_RETURN_IF_ERROR(CheckPartition(topic, partition));
  OutgoingRecord out;
  out.topic = topic.name;
  if (partition) out.partition = Partition(*partition);
  out.timestamp_ms = record.timestamp_ms ? *record.timestamp_ms : SystemClock().Now().value();
  out.key = ViewOf(record.key);
  out.value = ViewOf(record.value);
  std::vector<HeaderView> headers;
  headers.reserve(record.headers.size());
  for (const JsonRecord::Header& header : record.headers)
    headers.push_back({header.name, ViewOf(header.value)});
  out.headers = headers;
  return producer.Send(out);
}

Status Write(Cluster& cluster, const TopicWriteOptions& options, std::istream& input, std::int64_t* written) {
  MR_ASSIGN_OR_RETURN(const TopicDescription topic, FindTopic(cluster, options.topic));
  MR_ASSIGN_OR_RETURN(RecordJsonReader reader, RecordJsonReader::Make());
  MR_ASSIGN_OR_RETURN(const std::unique_ptr<Producer> producer, cluster.MakeProducer(""));
  MR_RETURN_IF_ERROR(producer->Init());
  std::string line;
  while (std::getline(input, line)) {
    const Result<JsonRecord> record =
        options.json ? reader.Read(line) : SplitLine(line, options.key_separator);
    const Status sent = record.ok() ? Send(*record, topic, options, *producer) : record.status();
    if (!sent.ok()) {
      // What was sent is on its way: the broker has it when this returns.
      MR_RETURN_IF_ERROR(producer->Flush());
      return sent.WithContext("line " + std::to_string(*written + 1) + ", after " +
                              Counted(*written, "record") + " written");
    }
    ++*written;
  }
  return producer->Flush();
}

}  // namespace

Exit TopicListCommand(const TopicListOptions& options, CommandIo& io) {
  return WithCluster(options.cluster, io,
                     [&](Cluster& cluster) { return List(cluster, options.json, io.out); });
}

Exit TopicCreateCommand(const TopicCreateOptions& options, CommandIo& io) {
  NewTopic topic{options.topic, options.partitions, options.replication_factor, {}};
  for (const std::string& entry : options.config) {
    const std::size_t equals = entry.find('=');
    if (equals == std::string::npos) {
      return Report(io,
                    Status::InvalidArgument("write --config as KEY=VALUE, such as cleanup.policy=compact"),
                    Exit::kUsage);
    }
    topic.config[entry.substr(0, equals)] = entry.substr(equals + 1);
  }
  return WithCluster(options.cluster, io, [&](Cluster& cluster) -> Status {
    MR_RETURN_IF_ERROR(cluster.admin().Create(topic));
    const std::int32_t partitions = cluster.admin().fixed_partitions().value_or(topic.partitions);
    io.err << "topic " << topic.name << " created with " << Counted(partitions, "partition") << "\n";
    return Status::Ok();
  });
}

Exit TopicDescribeCommand(const TopicDescribeOptions& options, CommandIo& io) {
  return WithCluster(options.cluster, io,
                     [&](Cluster& cluster) { return DescribeTopic(cluster, options, io.out); });
}

Exit TopicReadCommand(const TopicReadOptions& options, CommandIo& io) {
  const Status from = StartOffset(options.from, Offset(0), Offset(0)).status();
  if (!from.ok()) return Report(io, from, Exit::kUsage);
  return WithCluster(options.cluster, io, [&](Cluster& cluster) { return Read(cluster, options, io.out); });
}

Exit TopicWriteCommand(const TopicWriteOptions& options, std::istream& input, CommandIo& io) {
  std::int64_t written = 0;
  const Exit exit = WithCluster(options.cluster, io,
                                [&](Cluster& cluster) { return Write(cluster, options, input, &written); });
  if (exit == Exit::kOk) {
    io.err << Counted(written, "record") << " written to " << options.topic << "\n";
  }
  return exit;
}

}  // namespace millrace
