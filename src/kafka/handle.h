#pragma once

#include <memory>

#include <librdkafka/rdkafka.h>

// Owners of librdkafka's objects; only for sources of this module.

namespace millrace::kafka {

/// Ends an object with its own function of librdkafka.
template <auto Destroy>
struct Destroyer {
  template <typename T>
  void operator()(T* object) const {
    Destroy(object);
  }
};

using Queue = std::unique_ptr<rd_kafka_queue_t, Destroyer<rd_kafka_queue_destroy>>;
using Event = std::unique_ptr<rd_kafka_event_t, Destroyer<rd_kafka_event_destroy>>;
using AdminOptions = std::unique_ptr<rd_kafka_AdminOptions_t, Destroyer<rd_kafka_AdminOptions_destroy>>;

}  // namespace millrace::kafka
