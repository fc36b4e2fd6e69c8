#pragma once

#include <chrono>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <arrow/type_fwd.h>

namespace millrace {

/// What a function given to DataFrame::Map keeps per key: one value, read and written by the rows of a batch.
///
/// All values of the batch's keys were read together before the call, so a Get costs no access to the disk.
/// What is put is seen by later Gets of the same key at once, is committed with the results of the batch, and
/// comes back after a failure; it is forgotten when the results do not commit. Valid during the call only, on
/// its thread. `row` is a row of the batch.
class KeyedState {
 public:
  /// The step owns it.
  virtual ~KeyedState() = default;

  /// The value of the row's key as bytes; nullopt when there is none, or when it has expired: the watermark
  /// before the row is `ttl` past the event time of the row that put it. The view is valid until the next Put
  /// of the key.
  virtual std::optional<std::string_view> Get(std::int64_t row) const = 0;
  /// Replaces the value; its time to live begins anew at the event time of the row. Of more than 1,000,000
  /// bytes (more where message.max.bytes is raised) the row is failed, and the value stays as it was.
  virtual void Put(std::int64_t row, std::string_view value) = 0;
  /// Forgets the value.
  virtual void Delete(std::int64_t row) = 0;
  /// Makes the row a dead letter (R3) in place of a result. What was put stays.
  virtual void Fail(std::int64_t row, std::string message) = 0;

  /// The value as a number or a struct without pointers, as PutValue wrote it; nullopt also when the kept
  /// bytes are of another size.
  template <typename T>
  std::optional<T> GetValue(std::int64_t row) const {
    static_assert(std::is_trivially_copyable_v<T>);
    const std::optional<std::string_view> bytes = Get(row);
    if (!bytes || bytes->size() != sizeof(T)) return std::nullopt;
    T value;
    std::memcpy(&value, bytes->data(), sizeof(T));
    return value;
  }
  /// Keeps the bytes of `value`; changing T on a state that exists needs a new step name.
  template <typename T>
  void PutValue(std::int64_t row, const T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    char bytes[sizeof(T)];
    std::memcpy(bytes, &value, sizeof(T));
    Put(row, std::string_view(bytes, sizeof(T)));
  }

  /// The value as a scalar of any type, lists and structs too, as PutScalar wrote it; null when there is
  /// none. Costs several allocations, GetValue none. Throws std::runtime_error when the kept bytes are not of
  /// `type`.
  std::shared_ptr<arrow::Scalar> GetScalar(std::int64_t row,
                                           const std::shared_ptr<arrow::DataType>& type) const;
  /// Keeps `value`, which may be null; changing its type on a state that exists needs a new step name.
  /// Throws std::runtime_error for a type that cannot be kept (maps, unions).
  void PutScalar(std::int64_t row, const arrow::Scalar& value);
};

/// Makes result columns of a batch of rows: as many rows, in the same order. The batch has no tombstones, and
/// no rows with a null key but under NullKeys::kGroup. Treat rows one after the other: a result that depends
/// on how rows are cut into batches differs from run to run. An exception stops the pipeline.
using MapFunction = std::function<std::shared_ptr<arrow::RecordBatch>(
    const std::shared_ptr<arrow::RecordBatch>& rows, KeyedState& state)>;

}  // namespace millrace
