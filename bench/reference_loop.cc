// The loop that the engine's figures are divided by: one thread, librdkafka's batch consume, simdjson on
// demand, a hash map of aggregates. No checkpoint, no state, no group, no output; it exists for nothing else.
//
//   reference_loop BOOTSTRAP TOPIC
//
// Reads the topic from its beginning to the end it had at the start and prints the totals as one JSON line.

#include <simdjson.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "job_records.h"
#include "kafka_handle.h"
#include "window_totals.h"

namespace millrace::bench {
namespace {

struct Decoded {
  std::int64_t ts = 0;
  std::int64_t auction = 0;
  std::int64_t bidder = 0;
  double price = 0;
  std::size_t rest = 0;  // keeps the compiler from dropping the fields that the job does not use
};

void Must(simdjson::error_code code) {
  if (code != simdjson::SUCCESS) Die(std::string("JSON: ") + simdjson::error_message(code));
}

class Decoder {
 public:
  Decoder() : buffer_(64 * 1024 + simdjson::SIMDJSON_PADDING) {}

  void Decode(const void* payload, std::size_t length, Decoded& out) {
    if (length + simdjson::SIMDJSON_PADDING > buffer_.size())
      buffer_.resize(length + simdjson::SIMDJSON_PADDING);
    std::memcpy(buffer_.data(), payload, length);
    simdjson::ondemand::document document;
    Must(parser_.iterate(buffer_.data(), length, buffer_.size()).get(document));
    simdjson::ondemand::object object;
    Must(document.get_object().get(object));
    // Fields in the order in which they were written: what simdjson is fastest at.
    Must(object.find_field("ts").get_int64().get(out.ts));
    Must(object.find_field("auction").get_int64().get(out.auction));
    Must(object.find_field("bidder").get_int64().get(out.bidder));
    Must(object.find_field("price").get_double().get(out.price));
    if (length > 128) DecodeRest(object, out);
  }

 private:
  static void DecodeRest(simdjson::ondemand::object& object, Decoded& out) {
    for (const char* name : {"channel", "country", "session"}) Text(object, name, out);
    bool first = false;
    Must(object.find_field("first").get_bool().get(first));
    std::int64_t position = 0;
    Must(object.find_field("position").get_int64().get(position));
    for (const char* name : {"url", "agent"}) Text(object, name, out);
    double score = 0;
    Must(object.find_field("score").get_double().get(score));
    out.rest += static_cast<std::size_t>(position) + static_cast<std::size_t>(first) + (score < 0 ? 1U : 0U);
  }

  static void Text(simdjson::ondemand::object& object, const char* name, Decoded& out) {
    std::string_view text;
    Must(object.find_field(name).get_string().get(text));
    out.rest += text.size();
  }

  simdjson::ondemand::parser parser_;
  std::vector<char> buffer_;
};

int Run(const std::string& bootstrap, const std::string& topic) {
  const auto begin = std::chrono::steady_clock::now();
  // The settings that keep a fast reader from waiting; the rest are librdkafka's defaults, its queue of
  // fetched messages too: the loop is slower with a longer one and with the engine's shorter one.
  const KafkaHandle consumer = NewHandle(RD_KAFKA_CONSUMER, bootstrap,
                                         {{"group.id", "reference-loop"},
                                          {"enable.auto.commit", "false"},
                                          {"enable.auto.offset.store", "false"},
                                          {"fetch.min.bytes", "65536"},
                                          {"fetch.wait.max.ms", "50"},
                                          {"fetch.queue.backoff.ms", "10"},
                                          {"socket.nagle.disable", "true"}});
  const std::vector<std::int64_t> ends = EndOffsets(consumer.get(), topic);
  if (ends.empty()) Die("there is no topic " + topic);
  std::int64_t left = 0;
  for (const std::int64_t end : ends) left += end;
  AssignFromBeginning(consumer.get(), topic, ends.size());
  rd_kafka_queue_t* queue = rd_kafka_queue_get_consumer(consumer.get());

  Decoder decoder;
  WindowTotals totals;
  totals.reserve(1 << 16);
  std::array<rd_kafka_message_t*, 10'000> messages;
  Decoded row;
  std::int64_t records = 0;
  while (left > 0) {
    const ssize_t count = rd_kafka_consume_batch_queue(queue, 1'000, messages.data(), messages.size());
    for (ssize_t i = 0; i < count; ++i) {
      rd_kafka_message_t* message = messages[static_cast<std::size_t>(i)];
      if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) Die(rd_kafka_message_errstr(message));
      --left;
      decoder.Decode(message->payload, message->len, row);
      rd_kafka_message_destroy(message);
      if (row.auction >= kFirstSentinelAuction) continue;
      ++records;
      totals[{row.auction, row.ts - row.ts % kWindowMs}].Add(row.price);
    }
  }
  rd_kafka_queue_destroy(queue);

  Totals all;
  for (const auto& [key, part] : totals) {
    all.count += part.count;
    all.sum += part.sum;
  }
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  std::printf(R"({"records": %lld, "results": %zu, "sum": %.2f, "rest": %zu, "wall_s": %.2f})"
              "\n",
              static_cast<long long>(records), totals.size(), all.sum, row.rest, seconds.count());
  return 0;
}

}  // namespace
}  // namespace millrace::bench

int main(int argc, char** argv) {
  if (argc != 3) millrace::bench::Die("usage: reference_loop BOOTSTRAP TOPIC");
  return millrace::bench::Run(argv[1], argv[2]);
}
