#pragma once

#include <memory>

#include "connect/group_admin.h"
#include "kafka/admin_client.h"

namespace millrace {

/// Groups by admin requests. `client` must outlive the result.
std::unique_ptr<GroupAdmin> MakeKafkaGroupAdmin(kafka::AdminClient* client);

}  // namespace millrace
