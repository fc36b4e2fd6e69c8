#include "kafka/properties.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <sstream>

#include <librdkafka/rdkafka.h>

#include "base/check.h"
#include "base/suggest.h"

namespace millrace::kafka {
namespace {

struct Setting {
  const char* name;
  const char* value;
};

// Defaults for every client; the user's own values win.
constexpr Setting kCommonDefaults[] = {
    {"socket.nagle.disable", "true"}, {"log.connection.close", "false"},    {"log_level", "6"},
    {"reconnect.backoff.ms", "50"},   {"reconnect.backoff.max.ms", "2000"},
};

// How long a broker that hangs may hold a request up. A producer derives its own from transaction.timeout.ms.
constexpr Setting kSocketTimeout = {"socket.timeout.ms", "10000"};

constexpr Setting kConsumerDefaults[] = {
    kSocketTimeout,
    {"fetch.min.bytes", "65536"},
    {"fetch.wait.max.ms", "20"},
    {"fetch.queue.backoff.ms", "1"},
    {"fetch.error.backoff.ms", "50"},
    {"queued.min.messages", "10000"},
    {"queued.max.messages.kbytes", "8192"},  // the memory bound of prefetched records
    {"check.crcs", "true"},
    // New partitions of a source are seen this often; librdkafka's own 5 minutes are long for records to
    // wait.
    {"topic.metadata.refresh.interval.ms", "30000"},
};

// With the consumer protocol these are the broker's to say, and librdkafka refuses them.
constexpr Setting kClassicGroupDefaults[] = {
    {"session.timeout.ms", "10000"},
    {"heartbeat.interval.ms", "1000"},
};

constexpr Setting kProducerDefaults[] = {
    {"linger.ms", "5"},
    {"compression.type", "lz4"},
    {"partitioner", "murmur2_random"},  // the Java client's choice
    {"queue.buffering.max.messages", "1000000"},
    {"queue.buffering.max.kbytes", "65536"},  // the memory bound of records not yet acknowledged
    {"batch.num.messages", "100000"},
    {"acks", "all"},
    // What fits a topic's max.message.bytes by default, 1048588, with the framing of a batch of one record.
    {"message.max.bytes", "1048400"},
};

constexpr Setting kConsumerFixed[] = {
    {"enable.auto.commit", "false"},
    {"enable.auto.offset.store", "false"},
    {"isolation.level", "read_committed"},
    // What it passes over by that is found by Fetch. With "error" a partition could not be read on, also not
    // behind a damaged batch, whose next offset is anything.
    {"auto.offset.reset", "earliest"},
    {"enable.partition.eof", "true"},
    {"allow.auto.create.topics", "false"},
    // Source of the age of the last fetch, which must be known to within 1 s.
    {"statistics.interval.ms", "500"},
};

constexpr Setting kClassicGroupFixed[] = {
    {"group.protocol", "classic"},
    {"partition.assignment.strategy", "range"},
};

constexpr Setting kConsumerGroupFixed[] = {
    {"group.protocol", "consumer"},
    {"group.remote.assignor", "range"},
};

constexpr Setting kProducerFixed[] = {
    {"enable.idempotence", "true"},
    {"delivery.report.only.error", "false"},  // offsets of what was written are asked for
};

struct Reserved {
  const char* name;
  const char* accepted;  // a value that changes nothing and is therefore let through; null: none
  const char* reason;
};

constexpr Reserved kReserved[] = {
    {"enable.auto.commit", "false", "Millrace commits offsets with the results they belong to"},
    {"auto.commit.enable", "false", "Millrace commits offsets with the results they belong to"},
    {"auto.commit.interval.ms", nullptr, "set `commit_interval` of the pipeline instead"},
    {"enable.auto.offset.store", "false", "Millrace commits offsets with the results they belong to"},
    {"isolation.level", "read_committed", "aborted records must never be read"},
    {"auto.offset.reset", nullptr, "set `offset_reset` of the source instead"},
    {"group.id", nullptr, "the group is the pipeline's `name`"},
    {"group.instance.id", nullptr, "each worker needs its own"},
    {"group.remote.assignor", "range", "partition n of all inputs must stay together"},
    {"partition.assignment.strategy", "range", "partition n of all inputs must stay together"},
    {"transactional.id", nullptr, "Millrace derives it from the pipeline, the node and the slot"},
    {"enable.idempotence", "true", "without it retries duplicate records"},
    {"acks", "all", "a record must be on every in-sync replica before its offset is committed"},
    {"request.required.acks", "all",
     "a record must be on every in-sync replica before its offset is committed"},
    {"enable.partition.eof", "true", "Millrace needs to know when a partition was read to its end"},
    {"delivery.report.only.error", "false", "Millrace reads delivery reports itself"},
    {"consume.callback.max.messages", nullptr, "set `batch` of the pipeline instead"},
    {"test.mock.num.brokers", nullptr, "use the embedded broker (`millrace broker`) instead"},
    {"statistics.interval.ms", nullptr,
     "Millrace reads the statistics itself; its metrics have their figures"},
    {"log.queue", "false", "Millrace reads the log itself"},
};

constexpr std::size_t kErrorTextBytes = 512;

ConfPointer NewConf() { return ConfPointer(rd_kafka_conf_new()); }

Status Set(rd_kafka_conf_t* conf, const std::string& name, const std::string& value) {
  std::array<char, kErrorTextBytes> text{};
  switch (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), text.data(), text.size())) {
    case RD_KAFKA_CONF_OK:
      return Status::Ok();
    case RD_KAFKA_CONF_UNKNOWN:
      return Status::InvalidArgument("kafka: unknown property `" + name + "`" +
                                     DidYouMean(name, KnownProperties()));
    case RD_KAFKA_CONF_INVALID:
      break;
  }
  if (IsSecretProperty(name)) {
    return Status::InvalidArgument("kafka: `" + name +
                                   "` has a value that librdkafka refuses (not shown: it is secret)");
  }
  return Status::InvalidArgument("kafka: `" + name + "` cannot be `" + value + "`: " + text.data());
}

Status SetAll(rd_kafka_conf_t* conf, std::span<const Setting> settings) {
  for (const Setting& setting : settings) MR_RETURN_IF_ERROR(Set(conf, setting.name, setting.value));
  return Status::Ok();
}

Status SetAll(rd_kafka_conf_t* conf, const Properties& properties) {
  for (const auto& [name, value] : properties) MR_RETURN_IF_ERROR(Set(conf, name, value));
  return Status::Ok();
}

Status CheckReserved(const std::string& name, const std::string& value) {
  for (const Reserved& reserved : kReserved) {
    if (name != reserved.name) continue;
    if (reserved.accepted != nullptr && value == reserved.accepted) return Status::Ok();
    if ((name == "acks" || name == "request.required.acks") && value == "-1") return Status::Ok();
    return Status::InvalidArgument("kafka: `" + name + "` cannot be set: " + reserved.reason + "; remove it");
  }
  return Status::Ok();
}

// With the reason why they cannot be set beside the consumer protocol.
constexpr Setting kOfClassicGroups[] = {
    {"session.timeout.ms", "the brokers' `group.consumer.session.timeout.ms` decides"},
    {"heartbeat.interval.ms", "the brokers' `group.consumer.heartbeat.interval.ms` decides"},
    {"partition.assignment.strategy", "the brokers assign, by range"},
    {"group.protocol.type", "it belongs to classic groups"},
};

/// What librdkafka takes also in other spellings, and what goes with it.
Status CheckGroupProtocol(const Properties& user) {
  const auto protocol = user.find("group.protocol");
  if (protocol == user.end() || protocol->second == "classic") return Status::Ok();
  if (protocol->second != "consumer") {
    return Status::InvalidArgument("kafka: `group.protocol` cannot be `" + protocol->second +
                                   "`: write classic or consumer");
  }
  for (const Setting& setting : kOfClassicGroups) {
    if (!user.contains(setting.name)) continue;
    return Status::InvalidArgument("kafka: `" + std::string(setting.name) +
                                   "` cannot be set with `group.protocol: consumer`: " + setting.value +
                                   "; remove it");
  }
  return Status::Ok();
}

bool IsConsumer(Role role) { return role == Role::kGroupConsumer || role == Role::kReader; }

Status SetRoleDefaults(rd_kafka_conf_t* conf, Role role, GroupProtocol protocol) {
  MR_RETURN_IF_ERROR(SetAll(conf, kCommonDefaults));
  if (IsConsumer(role)) {
    MR_RETURN_IF_ERROR(SetAll(conf, kConsumerDefaults));
    return protocol == GroupProtocol::kClassic ? SetAll(conf, kClassicGroupDefaults) : Status::Ok();
  }
  if (role == Role::kAdmin) return Set(conf, kSocketTimeout.name, kSocketTimeout.value);
  MR_RETURN_IF_ERROR(SetAll(conf, kProducerDefaults));
  return role == Role::kTransactionalProducer ? Set(conf, "transaction.timeout.ms", "10000") : Status::Ok();
}

Status SetRoleFixed(rd_kafka_conf_t* conf, Role role, GroupProtocol protocol) {
  if (IsConsumer(role)) {
    MR_RETURN_IF_ERROR(SetAll(conf, kConsumerFixed));
    MR_RETURN_IF_ERROR(protocol == GroupProtocol::kClassic ? SetAll(conf, kClassicGroupFixed)
                                                           : SetAll(conf, kConsumerGroupFixed));
    return role == Role::kReader ? Set(conf, "statistics.interval.ms", "0") : Status::Ok();
  }
  // librdkafka's producers make a topic by asking for it; who only looks must not.
  if (role == Role::kAdmin) return Set(conf, "allow.auto.create.topics", "false");
  return SetAll(conf, kProducerFixed);
}

}  // namespace

void ConfDeleter::operator()(rd_kafka_conf_t* conf) const { rd_kafka_conf_destroy(conf); }

GroupProtocol ProtocolOf(const Properties& user) {
  const auto found = user.find("group.protocol");
  return found != user.end() && found->second == "consumer" ? GroupProtocol::kConsumer
                                                            : GroupProtocol::kClassic;
}

bool IsSecretProperty(std::string_view name) {
  // `.pem` values hold keys inline; sasl.oauthbearer.config may carry a signing secret.
  for (const std::string_view part : {"password", "passphrase", "secret", "token", "ssl_key", ".pem",
                                      "oauthbearer.config", "oauthbearer.extensions"}) {
    if (name.find(part) != std::string_view::npos) return name != "sasl.oauthbearer.token.endpoint.url";
  }
  return false;
}

Properties RedactedProperties(const Properties& properties) {
  Properties shown = properties;
  for (auto& [name, value] : shown) {
    if (IsSecretProperty(name)) value = "******";
  }
  return shown;
}

std::vector<std::string> KnownProperties() {
  // librdkafka offers its full list only as the table that it prints.
  char* table = nullptr;
  std::size_t size = 0;
  FILE* out = open_memstream(&table, &size);
  if (out == nullptr) return {};
  rd_kafka_conf_properties_show(out);
  std::fclose(out);  // NOLINT: the memory stream cannot fail to close
  std::istringstream lines(std::string(table, size));
  std::free(table);
  std::vector<std::string> names;
  for (std::string line; std::getline(lines, line);) {
    const std::size_t bar = line.find('|');
    if (bar == std::string::npos) continue;
    std::string name = line.substr(0, bar);
    name.erase(name.find_last_not_of(' ') + 1);
    if (name.empty() || name == "Property" || name.find_first_not_of('-') == std::string::npos) continue;
    names.push_back(std::move(name));
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

Status CheckProperty(const std::string& name, const std::string& value) {
  MR_RETURN_IF_ERROR(CheckReserved(name, value));
  return Set(NewConf().get(), name, value);
}

Status CheckProperties(const Properties& user) {
  for (const auto& [name, value] : user) MR_RETURN_IF_ERROR(CheckProperty(name, value));
  MR_RETURN_IF_ERROR(CheckGroupProtocol(user));
  const auto given = [&](const char* name) {
    const auto found = user.find(name);
    return found != user.end() && found->second.find_first_not_of(" ,") != std::string::npos;
  };
  if (!given("bootstrap.servers") && !given("metadata.broker.list")) {
    return Status::InvalidArgument(
        "kafka: `bootstrap.servers` is missing: name at least one broker, for example localhost:9092");
  }
  return Status::Ok();
}

Result<ConfPointer> MakeConf(Role role, const Properties& user, const Properties& fixed) {
  MR_RETURN_IF_ERROR(CheckProperties(user));
  const GroupProtocol protocol = role == Role::kGroupConsumer ? ProtocolOf(user) : GroupProtocol::kClassic;
  ConfPointer conf = NewConf();
  MR_RETURN_IF_ERROR(SetRoleDefaults(conf.get(), role, protocol));
  MR_RETURN_IF_ERROR(SetAll(conf.get(), user));
  MR_RETURN_IF_ERROR(SetRoleFixed(conf.get(), role, protocol));
  MR_RETURN_IF_ERROR(SetAll(conf.get(), fixed));
  return conf;
}

Status LimitBatches(Role role, const Properties& user, std::int64_t most_bytes, Properties* fixed) {
  MR_ASSIGN_OR_RETURN(const ConfPointer conf, MakeConf(role, user, {}));
  std::array<char, 32> text{};
  std::size_t size = text.size();
  MR_CHECK(rd_kafka_conf_get(conf.get(), "batch.size", text.data(), &size) == RD_KAFKA_CONF_OK);
  if (most_bytes < std::stoll(text.data()))
    fixed->emplace("batch.size", std::to_string(std::max<std::int64_t>(most_bytes, 1)));
  return Status::Ok();
}

}  // namespace millrace::kafka
