#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>

#include "base/result.h"
#include "runtime/topology.h"

namespace millrace {

/// Where the rows of a step's state belong by their keys. One owner, one thread.
class KeyPlacement {
 public:
  /// `layout` of the rows. Errors: user error when the key cannot be found in it.
  static Result<std::unique_ptr<KeyPlacement>> Make(const std::string& layout, const KeyPlace& place,
                                                    std::int32_t partitions);
  virtual ~KeyPlacement() = default;

  /// The partition of each row, by its key in the changelog. Errors: kCorrupt.
  virtual Result<std::vector<std::int32_t>> PartitionsOf(const arrow::BinaryArray& state_keys) = 0;
};

}  // namespace millrace
