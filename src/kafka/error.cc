#include "kafka/error.h"

#include <array>

#include <librdkafka/rdkafka.h>

namespace millrace::kafka {
namespace {

struct Advice {
  StatusCode code;
  const char* what_to_do;
};

Advice AdviceForClient(int code) {
  switch (code) {
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
      return {StatusCode::kPermissionDenied, "; check sasl.mechanism, sasl.username and sasl.password"};
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM:
    case RD_KAFKA_RESP_ERR_ILLEGAL_SASL_STATE:
      return {StatusCode::kPermissionDenied, "; check security.protocol and sasl.mechanism"};
    case RD_KAFKA_RESP_ERR__SSL:
      return {StatusCode::kPermissionDenied,
              "; check security.protocol, ssl.ca.location and that the broker's certificate names its host "
              "and is not "
              "over"};
    case RD_KAFKA_RESP_ERR__RESOLVE:
      return {StatusCode::kUnavailable, "; check the host names in bootstrap.servers"};
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
      return {StatusCode::kUnavailable, "; check bootstrap.servers and that the broker runs"};
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE:
    case RD_KAFKA_RESP_ERR__MSG_TIMED_OUT:
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
      return {StatusCode::kTimeout, ""};
    case RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE:
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION:
      return {StatusCode::kInvalidArgument, "; this needs Apache Kafka 2.5 or newer"};
    case RD_KAFKA_RESP_ERR__INVALID_ARG:
      return {StatusCode::kInvalidArgument, ""};
    case RD_KAFKA_RESP_ERR__QUEUE_FULL:
      return {StatusCode::kResourceExhausted, "; raise queue.buffering.max.kbytes"};
    case RD_KAFKA_RESP_ERR__STATE:
      return {StatusCode::kAborted, ""};
    case RD_KAFKA_RESP_ERR__ASSIGNMENT_LOST:
      return {StatusCode::kAborted, ""};
    case RD_KAFKA_RESP_ERR__FENCED:
      return {StatusCode::kFenced, "; another process uses the same identity"};
    default:
      return {StatusCode::kUnavailable, ""};
  }
}

Advice AdviceFor(int code) {
  switch (code) {
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
      return {StatusCode::kPermissionDenied, "; ask for the missing permission (ACL)"};
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
      return {StatusCode::kNotFound,
              "; create the topic, or set create_topics: true for topics that Millrace owns"};
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
      return {StatusCode::kNotFound, "; the topic has fewer partitions"};
    case RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS:
      return {StatusCode::kAlreadyExists, ""};
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
      return {StatusCode::kInvalidArgument,
              "; raise message.max.bytes of the client and max.message.bytes of the topic"};
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
    case RD_KAFKA_RESP_ERR_INVALID_PARTITIONS:
    case RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR:
    case RD_KAFKA_RESP_ERR_INVALID_CONFIG:
    case RD_KAFKA_RESP_ERR_INVALID_REQUEST:
    case RD_KAFKA_RESP_ERR_POLICY_VIOLATION:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
      return {StatusCode::kInvalidArgument, ""};
    case RD_KAFKA_RESP_ERR_OFFSET_METADATA_TOO_LARGE:
      return {StatusCode::kInvalidArgument, "; raise offset.metadata.max.bytes of the brokers"};
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
      return {StatusCode::kInvalidArgument, "; a compacted topic takes no record without a key"};
    case RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP:
      return {StatusCode::kInvalidArgument, "; raise message.timestamp.after.max.ms of the topic"};
    case RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION:
    case RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID:
    case RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS:
    case RD_KAFKA_RESP_ERR_STALE_MEMBER_EPOCH:
      return {StatusCode::kAborted, ""};
    case RD_KAFKA_RESP_ERR_PRODUCER_FENCED:
    case RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH:
    case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID:
      return {StatusCode::kFenced, "; another process uses the same identity"};
    default:
      return AdviceForClient(code);
  }
}

}  // namespace

Status ToStatus(int code, std::string_view context, std::string_view detail) {
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return Status::Ok();
  const Advice advice = AdviceFor(code);
  std::string message(context);
  message += ": ";
  message += detail.empty() ? rd_kafka_err2str(static_cast<rd_kafka_resp_err_t>(code)) : detail;
  message += advice.what_to_do;
  return {advice.code, std::move(message)};
}

Status TakeError(rd_kafka_error_t* error, std::string_view context) {
  if (error == nullptr) return Status::Ok();
  Status status = ToStatus(rd_kafka_error_code(error), context, rd_kafka_error_string(error));
  rd_kafka_error_destroy(error);
  return status;
}

bool IsConnectionLoss(int code) {
  switch (code) {
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__DESTROY:
    case RD_KAFKA_RESP_ERR__WAIT_COORD:
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
    case RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION:
      return true;
    default:
      return false;
  }
}

Status FatalError(rd_kafka_t* handle, std::string_view context) {
  std::array<char, 512> text{};
  const int code = rd_kafka_fatal_error(handle, text.data(), text.size());
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return Status::Ok();
  Status status = ToStatus(code, context, text.data());
  if (status.code() == StatusCode::kFenced || status.code() == StatusCode::kPermissionDenied) return status;
  return Status::OutcomeUnknown(status.message());
}

}  // namespace millrace::kafka
