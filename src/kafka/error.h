#pragma once

#include <string>
#include <string_view>

#include "base/status.h"

typedef struct rd_kafka_error_s rd_kafka_error_t;
typedef struct rd_kafka_s rd_kafka_t;

namespace millrace::kafka {

/// The Status of an rd_kafka_resp_err_t: "<context>: <librdkafka's text><what to do>". `detail` replaces
/// librdkafka's general text when it is not empty.
Status ToStatus(int code, std::string_view context, std::string_view detail = {});

/// The Status of an error object, which is destroyed; ok for null.
Status TakeError(rd_kafka_error_t* error, std::string_view context);

/// True when the far side could not be talked to, so that it is not known whether it did what was asked.
bool IsConnectionLoss(int code);

/// The fatal error that `handle` has raised, or ok. kFenced when another process took its identity, else
/// kOutcomeUnknown: the client must be made anew and what it did be read back.
Status FatalError(rd_kafka_t* handle, std::string_view context);

}  // namespace millrace::kafka
