#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/type_fwd.h>

#include "base/result.h"
#include "columnar/batch.h"
#include "state/keyed_table.h"

namespace millrace {

class UserAggregate;

/// The rows of one batch as an aggregator sees them; all of equal length.
struct AggregateInput {
  /// Per row: the aggregator's own state of the row's group.
  std::span<std::byte* const> groups;
  /// The states lie this far behind the start of each group.
  std::size_t state_at = 0;
  /// Argument values; null for count().
  const arrow::Array* values = nullptr;
  /// argmin and argmax: what is compared.
  const arrow::Array* order = nullptr;
  const std::int64_t* event_times_ms = nullptr;
  /// Offset of each row's record; null when the rows have none.
  const std::int64_t* offsets = nullptr;
  /// Total order of the partitions that rows come from: topic and partition.
  std::uint64_t origin = 0;

  std::size_t num_rows() const { return groups.size(); }
  std::byte* state(std::size_t row) const { return groups[row] + state_at; }
};

/// A row after which its group has no result, and why: "has more than 10000 values; ...".
struct RowWithoutResult {
  std::size_t row = 0;
  std::string why;
};

/// One aggregate function over one argument type: the state of one group is `state_bytes` bytes in a row that
/// the owner lays out, and, for strings, a value kept aside by slot. One owner, one thread.
///
/// Life of a state: Clear or Decode -> Update* -> Append, Encode.
class Aggregator {
 public:
  virtual ~Aggregator() = default;

  const std::shared_ptr<arrow::DataType>& type() const { return type_; }
  /// Multiple of 8; states are aligned to 8.
  std::size_t state_bytes() const { return state_bytes_; }

  /// Makes room aside for slots below `slots`.
  virtual void Resize(std::uint32_t /*slots*/) {}
  virtual void Clear(std::byte* state, std::uint32_t slot) = 0;

  /// Adds the rows. False: a sum overflowed; the states are then wrong until Undo of the same input.
  [[nodiscard]] virtual bool Update(const AggregateInput& input) = 0;
  /// Adds row after row, and appends the result of its group behind each, to the column that Finish hands
  /// over. False: as for Update. Of rows that go to `without`, what was appended means nothing.
  virtual Result<bool> UpdateEach(const AggregateInput& input, std::vector<RowWithoutResult>* without) = 0;
  /// True when a state holds values as they are, such as texts.
  virtual bool holds_values() const { return false; }
  /// True when states have no fixed size or bound of their own: such aggregators share what a row may take.
  virtual bool grows() const { return holds_values(); }
  /// How much of a row of state may be this aggregator's: longer values are to be refused, and a state that
  /// would outgrow it by many has no result. Merge does not look.
  std::int64_t most_bytes() const { return most_bytes_; }
  void set_most_bytes(std::int64_t bytes) { most_bytes_ = bytes; }
  /// True when the result depends on AggregateInput::offsets and origin.
  virtual bool orders_rows() const { return false; }
  /// True when a state can be unrepresentable that was never merged.
  virtual bool bounded() const { return false; }
  /// True for aggregators whose Update can return false.
  virtual bool checked() const { return false; }
  /// Takes the rows of the last Update back, exactly. Precondition: checked().
  virtual void Undo(const AggregateInput& /*input*/) {}
  /// True when `row` can be added without overflow. Precondition: checked().
  virtual bool Fits(const AggregateInput& /*input*/, std::size_t /*row*/) const { return true; }
  /// Rows whose value no state can hold, ascending.
  virtual std::vector<std::int64_t> Unfit(const arrow::Array& /*values*/) const { return {}; }

  /// Adds the values of another group, whose rows come after those of `state` where order matters. `from` is
  /// this or an aggregator made by the same call, and owns `from_state`.
  virtual void Merge(std::byte* state, const Aggregator& from, const std::byte* from_state) = 0;
  /// True when rows may be added to a state of their own, to be merged later, without a difference to the
  /// last bit (K2a), as far as their values are Combinable.
  virtual bool order_free() const { return false; }
  /// False when a batch of such values may come near to what a state cannot hold.
  virtual bool Combinable(const arrow::Array& /*values*/) const { return true; }
  /// False when Merge of the two would overflow.
  virtual bool MergeFits(const std::byte* /*state*/, const std::byte* /*from_state*/) const { return true; }
  /// Why a row does not fit, behind the call: "overflows int64; cast the argument to double".
  virtual std::string OverflowText() const { return "overflows int64; cast the argument to double"; }
  /// "" or why a state has no result: "overflows int64; cast the argument to double".
  virtual std::string Unrepresentable(const std::byte* /*state*/) const { return ""; }

  /// Why a user's code failed, once it did: nothing that the aggregator says or keeps counts from then on.
  virtual Status failure() const { return Status::Ok(); }

  /// The same state always gives the same bytes.
  virtual void Encode(const std::byte* state, std::string* out) const;
  /// Takes the state off the front of `bytes`. Errors: kCorrupt.
  virtual Status Decode(std::byte* state, std::uint32_t slot, std::string_view* bytes);

  /// Appends the result of one group to the column that Finish hands over.
  virtual Status Append(const std::byte* state) = 0;
  virtual Result<std::shared_ptr<arrow::Array>> Finish() = 0;
  /// Bytes of no fixed size, such as texts, that Append has added to the column since the last Finish.
  virtual std::int64_t appended_bytes() const { return 0; }
  /// As many as Append would add for this state.
  virtual std::int64_t ResultBytes(const std::byte* /*state*/) const { return 0; }

  /// Bytes aside of the rows.
  virtual std::int64_t memory_bytes() const { return 0; }
  /// Those among them that Clear of their states would give back: SlotRows::aside_bytes.
  virtual std::int64_t aside_bytes() const { return 0; }

 protected:
  Aggregator(std::shared_ptr<arrow::DataType> type, std::size_t state_bytes)
      : type_(std::move(type)), state_bytes_(state_bytes) {}

 private:
  const std::shared_ptr<arrow::DataType> type_;  // of the result
  const std::size_t state_bytes_;
  std::int64_t most_bytes_ = kMostRowBytes;
};

/// Which aggregate function over which types.
struct AggregatorKind {
  std::string function;
  std::shared_ptr<arrow::DataType> argument = nullptr;  ///< null for count()
  std::shared_ptr<arrow::DataType> order = nullptr;     ///< argmin, argmax: of what is compared
  std::optional<double> parameter = std::nullopt;       ///< quantile: which; top_k and collect: how many
  std::shared_ptr<const UserAggregate> user = nullptr;  ///< in place of a built-in function
};

/// Errors: user error that names the function and the type, and what it accepts.
Result<std::unique_ptr<Aggregator>> MakeAggregator(const AggregatorKind& kind);

// One maker per family; null when a type is not accepted.
std::unique_ptr<Aggregator> MakeCount(bool of_values);
std::unique_ptr<Aggregator> MakeSum(const arrow::DataType& argument);
std::unique_ptr<Aggregator> MakeMean(const arrow::DataType& argument);
std::unique_ptr<Aggregator> MakeVariance(bool root, const arrow::DataType& argument);
std::unique_ptr<Aggregator> MakeMinMax(bool max, const std::shared_ptr<arrow::DataType>& argument);
std::unique_ptr<Aggregator> MakeFirstLast(bool last, const std::shared_ptr<arrow::DataType>& argument);
std::unique_ptr<Aggregator> MakeArgExtreme(bool max, const std::shared_ptr<arrow::DataType>& argument,
                                           const arrow::DataType& order);
/// `limit` 0: none was given.
std::unique_ptr<Aggregator> MakeCollect(const std::shared_ptr<arrow::DataType>& argument, std::size_t limit);
std::unique_ptr<Aggregator> MakeTopK(const std::shared_ptr<arrow::DataType>& argument, std::size_t k);
std::unique_ptr<Aggregator> MakeCountDistinct(const arrow::DataType& argument);
std::unique_ptr<Aggregator> MakeApproxCountDistinct(const arrow::DataType& argument);
std::unique_ptr<Aggregator> MakeQuantile(const arrow::DataType& argument, double q);
/// Errors: see UserAggregateResultType.
Result<std::unique_ptr<Aggregator>> MakeUser(std::shared_ptr<const UserAggregate> user,
                                             const std::shared_ptr<arrow::DataType>& argument);
/// Reads states of a user's aggregate without its code: the result is their bytes. Not for Update.
std::unique_ptr<Aggregator> MakeUserStates();

}  // namespace millrace
