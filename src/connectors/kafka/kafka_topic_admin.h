#pragma once

#include <memory>

#include "connect/topic_admin.h"
#include "kafka/admin_client.h"
#include "kafka/embedded_broker.h"

namespace millrace {

/// Topics by admin requests. `client` must outlive the result.
std::unique_ptr<TopicAdmin> MakeKafkaTopicAdmin(kafka::AdminClient* client);

/// Topics of the embedded broker by calls in the process; its topics have no configuration: what
/// NewTopic::config asks for is reported by Describe but has no effect. Both arguments must outlive the
/// result.
std::unique_ptr<TopicAdmin> MakeEmbeddedTopicAdmin(kafka::AdminClient* client, kafka::EmbeddedBroker* broker);

/// Topics of the embedded broker of another process, which takes no admin requests: looked up by metadata,
/// and made by asking for them, with the partition count of that broker. `client` must outlive the result.
std::unique_ptr<TopicAdmin> MakeRemoteEmbeddedTopicAdmin(kafka::AdminClient* client);

}  // namespace millrace
