#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "http/server.h"
#include "ops/stored_rows.h"
#include "runtime/state_query.h"

namespace millrace {

/// A step with state, as GET /state names it.
struct StateStep {
  std::string layout;           ///< StateStoreOptions::layout of its table
  std::int32_t partitions = 0;  ///< of its sub-topology
  std::string input{};          ///< first input topic of its sub-topology
};

/// One request for GET /state/<step>, read and checked.
///
///   key      the value of a key column; several columns: one `key` each, in order. Fewer than there are
///            columns, or none: all rows that begin with them
///   prefix   the beginning of the next key column, a string
///   window   the start of a tumbling window in ms since the epoch
///   limit    most rows in the answer (100, at most 10,000)
///   format   json (the default) or arrow, an IPC stream
class StateRequest {
 public:
  /// `query`: as sent. Errors: user error that names the parameter.
  static Result<StateRequest> Read(const std::string& step, const StateStep& description,
                                   std::string_view query);

  const StateQuery& query() const { return query_; }

  /// The partitions that `answer` does not cover.
  std::vector<Partition> Elsewhere(const StateAnswer& answer) const;
  /// What to send for the answers of all workers of this process together. `owners`: addresses of others.
  HttpResponse Respond(StateAnswer answer, const std::map<Partition, std::string>& owners) const;

 private:
  StateRequest() = default;
  Result<HttpResponse> Format(const StateAnswer& answer,
                              const std::map<Partition, std::string>& owners) const;

  StateQuery query_;
  std::int32_t partitions_ = 0;
  bool arrow_ = false;
  std::shared_ptr<StoredRows> rows_;  // used by Respond only
};

/// GET /state: the steps, a JSON object with the columns of each.
HttpResponse ListStateSteps(const std::map<std::string, StateStep>& steps);

/// What to answer when a worker could not.
HttpResponse StateErrorResponse(const Status& status);

}  // namespace millrace
