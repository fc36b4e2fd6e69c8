#include "engine/commands/broker_command.h"

#include <charconv>
#include <cstdint>
#include <memory>

#include "env/clock.h"
#include "env/signals.h"
#include "kafka/embedded_broker.h"

namespace millrace {
namespace {

Status MakeTopic(kafka::EmbeddedBroker& broker, const std::string& text) {
  const std::size_t colon = text.rfind(':');
  std::int32_t partitions = 1;
  if (colon != std::string::npos) {
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data() + colon + 1, end, partitions);
    if (error != std::errc() || stop != end || partitions < 1) {
      return Status::InvalidArgument("write --topic as NAME or NAME:PARTITIONS, not '" + text + "'");
    }
  }
  return broker.CreateTopic(text.substr(0, colon), partitions);
}

}  // namespace

Exit BrokerCommand(const BrokerOptions& options, CommandIo& io) {
  const SystemClock clock;
  const ShutdownSignal shutdown;
  const Result<std::unique_ptr<kafka::EmbeddedBroker>> broker = kafka::EmbeddedBroker::Start(clock);
  if (!broker.ok()) return Report(io, broker.status());
  for (const std::string& topic : options.topics) {
    if (const Status status = MakeTopic(**broker, topic); !status.ok())
      return Report(io, status, Exit::kUsage);
  }
  io.out << (*broker)->bootstrap() << std::endl;  // alone on its line and at once: scripts read it
  io.err << "millrace: the embedded broker listens there until Ctrl-C, for tests and first steps. It keeps "
            "the last\n"
            "5 MiB of a partition and forgets everything at the end. Topics come with --topic "
            "NAME:PARTITIONS, or\n"
            "on first use with "
         << kafka::EmbeddedBroker::kPartitionsOnUse
         << " partitions. It has no real transactions: run pipelines on it with\n"
            "guarantee: at_least_once.\n";
  shutdown.token().Wait();
  return Exit::kOk;
}

}  // namespace millrace
