#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "codec/codec.h"
#include "columnar/record_block.h"

namespace millrace {

// A whole record as one line of JSON, without loss:
//   {"partition":0,"offset":5,"timestamp":1700000000000,"key":"7","value":"{\"x\":1}",
//    "headers":[{"name":"trace","value":"a"},{"name":"trace","value":null}]}
// Keys, values, and names and values of headers are strings where they are UTF-8, null, or {"base64": "..."}.
// Headers keep their order and may have equal names.

void WriteRecordJson(const RecordBlock& block, std::int64_t i, std::ostream& out);

/// A record that was read from a line.
struct JsonRecord {
  struct Header {
    std::string name;
    std::optional<std::string> value;
  };
  std::optional<std::int32_t> partition;
  std::optional<std::int64_t> timestamp_ms;
  std::optional<std::string> key;
  std::optional<std::string> value;
  std::vector<Header> headers;
};

/// Reads what WriteRecordJson writes. One owner, one thread.
class RecordJsonReader {
 public:
  static Result<RecordJsonReader> Make();
  /// What is missing is null; the offset is not needed. Errors: user error for anything else.
  Result<JsonRecord> Read(std::string_view line);

 private:
  RecordJsonReader(std::unique_ptr<Decoder> record, std::unique_ptr<Decoder> base64);
  Result<std::optional<std::string>> Bytes(const arrow::Array& column, std::int64_t row);

  std::unique_ptr<Decoder> record_;
  std::unique_ptr<Decoder> base64_;
};

}  // namespace millrace
