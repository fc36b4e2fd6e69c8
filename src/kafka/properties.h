#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

typedef struct rd_kafka_conf_s rd_kafka_conf_t;

namespace millrace::kafka {

/// The `kafka:` section of a pipeline: librdkafka property names and values.
using Properties = std::map<std::string, std::string>;

/// What a client is for: decides its defaults and which properties nobody may change.
enum class Role {
  kGroupConsumer,          ///< member of a consumer group, read_committed, commits by hand
  kReader,                 ///< reads given partitions without a group, read_committed
  kTransactionalProducer,  ///< Properties given as `fixed` hold its transactional.id
  kIdempotentProducer,     ///< writes without transactions, no duplicates from its own retries
  kAdmin,                  ///< topics, offsets, reachability
};

/// How the members of a group learn who reads what. Both deal partition n of all topics to one member
/// (range).
enum class GroupProtocol {
  kClassic,   ///< the members decide; at every change everything is revoked and assigned anew
  kConsumer,  ///< the broker decides (KIP-848); only what moves is revoked
};

/// What `group.protocol` asks for; kClassic unless said otherwise.
GroupProtocol ProtocolOf(const Properties& user);

/// Checks every property of the user: that librdkafka knows it, takes the value, and that it does not break
/// what Millrace promises (offsets, isolation, group and transactional ids are set by the engine). Errors:
/// user error naming the property, with the nearest known name or with librdkafka's own explanation; the
/// value of a secret is never repeated.
Status CheckProperties(const Properties& user);

/// CheckProperties of one, apart from the others.
Status CheckProperty(const std::string& name, const std::string& value);

/// True for properties whose value must not be shown: passwords, secrets, tokens, private keys.
bool IsSecretProperty(std::string_view name);

/// The same properties with the value of every secret replaced by "******": for logs, explain and error
/// texts.
Properties RedactedProperties(const Properties& properties);

/// Every property name that the linked librdkafka knows, sorted.
std::vector<std::string> KnownProperties();

struct ConfDeleter {
  void operator()(rd_kafka_conf_t* conf) const;
};
using ConfPointer = std::unique_ptr<rd_kafka_conf_t, ConfDeleter>;

/// The configuration of one client: defaults of `role`, then `user`, then `fixed`, each overriding the
/// former. Only a group consumer follows `group.protocol`. Errors: as CheckProperties.
Result<ConfPointer> MakeConf(Role role, const Properties& user, const Properties& fixed);

/// Adds to `fixed` the batch.size with which a batch of several records has at most `most_bytes`, where it
/// would be more. Errors: as MakeConf.
Status LimitBatches(Role role, const Properties& user, std::int64_t most_bytes, Properties* fixed);

}  // namespace millrace::kafka
