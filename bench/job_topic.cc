// The topics around a benchmark run, seen by a client that shares nothing with the engine. Words after
// BOOTSTRAP and TOPIC:
//
//   fill SIZE RECORDS              creates and fills the input; nothing when it is filled
//   fill SIZE RECORDS KEYS         the same with so many keys, and the last windows stay open
//   add SIZE RECORDS KEYS ORDER    adds records; ORDER is each_once, uniform or skewed
//   await GROUP SECONDS            waits until the group has committed the end of the topic
//   check SIZE RECORDS             compares the results with the same aggregates computed here

#include <simdjson.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "job_records.h"
#include "kafka_handle.h"
#include "window_totals.h"

namespace millrace::bench {
namespace {

constexpr int kPartitions = 2;

void Produce(rd_kafka_t* producer, const std::string& topic, std::int32_t partition, std::string_view key,
             std::string_view value) {
  while (true) {
    const rd_kafka_resp_err_t code =
        rd_kafka_producev(producer, RD_KAFKA_V_TOPIC(topic.c_str()), RD_KAFKA_V_PARTITION(partition),
                          RD_KAFKA_V_KEY(key.data(), key.size()),
                          RD_KAFKA_V_VALUE(const_cast<char*>(value.data()),
                                           value.size()),  // the C API copies, but is not const
                          RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return;
    if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL) Die(rd_kafka_err2str(code));
    rd_kafka_poll(producer, 10);
  }
}

void DieOnFailedDelivery(rd_kafka_t* /*handle*/, const rd_kafka_message_t* message, void* /*opaque*/) {
  if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) Die(rd_kafka_err2str(message->err));
}

KafkaHandle NewProducer(const std::string& bootstrap) {
  char error[512];
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  const Properties properties{{"bootstrap.servers", bootstrap},
                              {"enable.idempotence", "true"},
                              {"linger.ms", "20"},
                              {"batch.size", "1000000"},
                              {"compression.type", "lz4"},
                              {"partitioner", "murmur2_random"},
                              {"queue.buffering.max.messages", "200000"}};
  for (const auto& [name, value] : properties) {
    if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), error, sizeof error) != RD_KAFKA_CONF_OK)
      Die(error);
  }
  rd_kafka_conf_set_dr_msg_cb(conf, DieOnFailedDelivery);
  KafkaHandle producer(rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof error));
  if (producer == nullptr) Die(error);
  return producer;
}

void ProduceAll(rd_kafka_t* producer, const std::string& topic, JobRecords source, std::int64_t records) {
  for (std::int64_t i = 0; i < records; ++i) {
    source.Next();
    Produce(producer, topic, RD_KAFKA_PARTITION_UA, source.key(), source.value());
    if (i % 1'024 == 0) rd_kafka_poll(producer, 0);
  }
  if (rd_kafka_flush(producer, 120'000) != RD_KAFKA_RESP_ERR_NO_ERROR) Die("the broker is too slow");
}

int Add(const std::string& bootstrap, const std::string& topic, const JobRecords& source,
        std::int64_t records) {
  const KafkaHandle producer = NewProducer(bootstrap);
  if (EndOffsets(producer.get(), topic).empty())
    CreateTopic(producer.get(), topic, kPartitions, {{"compression.type", "lz4"}});
  ProduceAll(producer.get(), topic, source, records);
  return 0;
}

JobRecords::Order ParseOrder(const std::string& word) {
  if (word == "each_once") return JobRecords::Order::kEachOnce;
  if (word == "uniform") return JobRecords::Order::kUniform;
  if (word == "skewed") return JobRecords::Order::kSkewed;
  Die("an order is each_once, uniform or skewed, not " + word);
}

// `sentinels`: each partition ends with one.
int Fill(const std::string& bootstrap, const std::string& topic, const JobRecords& source,
         std::int64_t records, bool sentinels) {
  const KafkaHandle producer = NewProducer(bootstrap);
  std::int64_t present = 0;
  for (const std::int64_t end : EndOffsets(producer.get(), topic)) present += end;
  if (present == records + (sentinels ? kPartitions : 0)) return 0;
  if (present != 0) Die(topic + " holds something else; start with an empty broker");
  CreateTopic(producer.get(), topic, kPartitions, {{"compression.type", "lz4"}});
  ProduceAll(producer.get(), topic, source, records);
  // Only when all others are in place, so that each partition ends with its sentinel.
  for (std::int32_t p = 0; sentinels && p < kPartitions; ++p) {
    Produce(producer.get(), topic, p, std::to_string(JobRecords::SentinelAuction(p)),
            JobRecords::Sentinel(records, p));
  }
  if (rd_kafka_flush(producer.get(), 120'000) != RD_KAFKA_RESP_ERR_NO_ERROR) Die("the broker is too slow");
  return 0;
}

bool CommittedEnd(rd_kafka_t* client, const std::string& topic, const std::vector<std::int64_t>& ends) {
  rd_kafka_topic_partition_list_t* list = rd_kafka_topic_partition_list_new(kPartitions);
  for (std::size_t p = 0; p < ends.size(); ++p) {
    rd_kafka_topic_partition_list_add(list, topic.c_str(), static_cast<std::int32_t>(p));
  }
  bool done = rd_kafka_committed(client, list, 10'000) == RD_KAFKA_RESP_ERR_NO_ERROR;
  for (std::size_t p = 0; p < ends.size(); ++p) done = done && list->elems[p].offset >= ends[p];
  rd_kafka_topic_partition_list_destroy(list);
  return done;
}

int Await(const std::string& bootstrap, const std::string& topic, const std::string& group, int seconds) {
  const KafkaHandle client = NewHandle(RD_KAFKA_CONSUMER, bootstrap, {{"group.id", group}});
  const std::vector<std::int64_t> ends = EndOffsets(client.get(), topic);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  while (!CommittedEnd(client.get(), topic, ends)) {
    if (std::chrono::steady_clock::now() > deadline)
      Die(group + " did not reach the end of " + topic + " in time");
    rd_kafka_message_t* none =
        rd_kafka_consumer_poll(client.get(), 50);  // waits without a sleep; nothing is assigned
    if (none != nullptr) rd_kafka_message_destroy(none);
  }
  return 0;
}

WindowTotals Expected(int size, std::int64_t records) {
  WindowTotals totals;
  JobRecords source(size);
  for (std::int64_t i = 0; i < records; ++i) {
    source.Next();
    const JobRecords::Bid& bid = source.bid();
    totals[{bid.auction, bid.ts - bid.ts % kWindowMs}].Add(bid.price);
  }
  return totals;
}

// Removes the result from `expected`, or ends the program: a result that is wrong, unknown or there twice.
void CheckResult(const rd_kafka_message_t& message, simdjson::dom::parser& parser, WindowTotals& expected) {
  const std::string text(static_cast<const char*>(message.payload), message.len);
  simdjson::dom::element row;
  if (parser.parse(text).get(row) != simdjson::SUCCESS) Die("a result is not JSON: " + text);
  const std::int64_t auction = row["auction"];
  if (auction >= kFirstSentinelAuction) return;
  const auto found = expected.find({auction, row["window_start"]});
  if (found == expected.end()) Die("an unexpected or repeated result: " + text);
  const Totals actual{row["bids"], row["total"], row["low"], row["high"]};
  if (actual != found->second) Die("a wrong result: " + text);
  expected.erase(found);
}

int Check(const std::string& bootstrap, const std::string& topic, int size, std::int64_t records) {
  WindowTotals expected = Expected(size, records);
  const std::size_t results = expected.size();
  const KafkaHandle consumer = NewHandle(RD_KAFKA_CONSUMER, bootstrap,
                                         {{"group.id", "job-check"},
                                          {"enable.auto.commit", "false"},
                                          {"enable.partition.eof", "true"},
                                          {"isolation.level", "read_committed"}});
  const std::vector<std::int64_t> ends = EndOffsets(consumer.get(), topic);
  if (ends.empty()) Die("there is no topic " + topic);
  AssignFromBeginning(consumer.get(), topic, ends.size());
  simdjson::dom::parser parser;
  std::vector<bool> finished(ends.size());
  std::size_t open = ends.size();
  while (open > 0) {
    rd_kafka_message_t* message = rd_kafka_consumer_poll(consumer.get(), 10'000);
    if (message == nullptr) Die("no end of " + topic + " within 10 s");
    const auto partition = static_cast<std::size_t>(message->partition);
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      if (!finished[partition]) --open;
      finished[partition] = true;
    } else if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      Die(rd_kafka_message_errstr(message));
    } else {
      CheckResult(*message, parser, expected);
    }
    rd_kafka_message_destroy(message);
  }
  if (!expected.empty())
    Die(std::to_string(expected.size()) + " of " + std::to_string(results) + " results are missing");
  std::printf("%zu results, each right and there once\n", results);
  return 0;
}

int Main(int argc, char** argv) {
  const std::string command = argc > 1 ? argv[1] : "";
  if (command == "fill" && argc == 6)
    return Fill(argv[2], argv[3], JobRecords(std::atoi(argv[4])), std::atoll(argv[5]), /*sentinels=*/true);
  if (command == "fill" && argc == 7) {
    return Fill(argv[2], argv[3], JobRecords(std::atoi(argv[4]), std::atoll(argv[6])), std::atoll(argv[5]),
                /*sentinels=*/false);
  }
  if (command == "add" && argc == 8) {
    return Add(argv[2], argv[3], JobRecords(std::atoi(argv[4]), std::atoll(argv[6]), ParseOrder(argv[7])),
               std::atoll(argv[5]));
  }
  if (command == "await" && argc == 6) return Await(argv[2], argv[3], argv[4], std::atoi(argv[5]));
  if (command == "check" && argc == 6)
    return Check(argv[2], argv[3], std::atoi(argv[4]), std::atoll(argv[5]));
  Die("usage: job_topic fill|await|check BOOTSTRAP TOPIC ...; see the top of job_topic.cc");
}

}  // namespace
}  // namespace millrace::bench

int main(int argc, char** argv) { return millrace::bench::Main(argc, argv); }
