#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/mutex.h"
#include "base/result.h"
#include "state/row_query.h"

namespace millrace {

/// What somebody outside of the pipeline wants to know of the state of one step.
struct StateQuery {
  std::string step;  ///< a table of the topology
  RowQuery rows{};   ///< `limit` holds per worker
};

/// What one worker knows of it: all of one moment, right after a commit.
struct StateAnswer {
  struct Row {
    Partition partition{0};
    std::int64_t slice = 0;
    std::string key;  ///< as the table keeps them
    std::string row;
  };
  std::vector<Partition> partitions;  ///< whose rows this worker holds; the others are elsewhere
  std::vector<Row> rows;
  bool more = false;  ///< the limit cut it off
};

/// Questions that wait for the worker's thread. Thread-safe.
class StateQuestions {
 public:
  /// Called once, on the worker's thread or, after Close, on the asking one.
  using Done = std::function<void(Result<StateAnswer>)>;
  struct Question {
    StateQuery query;
    Done done;
  };

  /// Errors by `done`: kUnavailable when the worker has stopped, or too many wait already.
  void Ask(StateQuery query, Done done);
  /// What was asked since the last call; cheap when nothing was.
  std::vector<Question> Take();
  /// Nothing is answered any more.
  void Close();

 private:
  Mutex mutex_;
  std::vector<Question> waiting_;  // guarded by mutex_
  bool closed_ = false;            // guarded by mutex_
};

}  // namespace millrace
