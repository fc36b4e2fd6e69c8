#pragma once

#include <string>

#include "base/ids.h"

namespace millrace {

/// Records that no client can read (a broken checksum, a batch that does not decompress) and that reading
/// went past. Together with the blocks they cover every offset.
struct UndecodableRecords {
  TopicPartition partition;
  Offset first;         ///< the first offset passed over
  Offset next;          ///< reading goes on here
  std::string message;  ///< the reason, in the client's words
};

}  // namespace millrace
