#include "ops/partial_aggregate.h"

#include <algorithm>
#include <vector>

#include <arrow/api.h>

#include "base/check.h"
#include "columnar/arrow_status.h"
#include "ops/aggregate_specs.h"
#include "ops/group_rows.h"
#include "ops/row_width.h"
#include "state/row_index.h"

namespace millrace {
namespace {

constexpr const char* kPartialOf = "millrace.partial_of";
// Far below what any topic takes: wider rows and states are left to the sink to judge.
constexpr std::int64_t kWideBytes = 32'768;
// Large batches that pass unseen after one that was not worth it: looking at it had its cost. Small ones come
// when records trickle in, and tell nothing of those of a backlog.
constexpr int kUnseenBatches = 15;
constexpr std::int64_t kLargeRows = 1'024;

class PartialAggregate final : public Operator {
 public:
  PartialAggregate(WindowAggregateOptions options, std::shared_ptr<arrow::Schema> input,
                   std::vector<std::unique_ptr<Aggregator>> aggregators, const std::string& layout,
                   std::int64_t most_key_bytes)
      : options_(std::move(options)),
        most_key_bytes_(most_key_bytes),
        input_(std::move(input)),
        partial_schema_(PartialSchema(layout)),
        assigner_(AssignerShape(options_)),
        groups_(std::move(aggregators)),
        update_(&options_.aggregates, &groups_) {}

  Status Process(Batch batch, Output& output) override {
    MR_CHECK(batch.key != nullptr && batch.tombstone == nullptr);
    const bool large = batch.num_rows() >= kLargeRows;
    if (large && unseen_ > 0) {
      --unseen_;
      return output.Emit(std::move(batch));
    }
    if (!FindGroups(batch)) {
      if (large) unseen_ = kUnseenBatches;
      return output.Emit(std::move(batch));
    }
    MR_ASSIGN_OR_RETURN(const bool added, AddRows(batch));
    std::shared_ptr<arrow::Array> states;
    if (added) {
      MR_ASSIGN_OR_RETURN(states, States());
    }
    if (states == nullptr) return output.Emit(std::move(batch));
    MR_ASSIGN_OR_RETURN(Batch partials, MakePartials(batch, std::move(states)));
    return output.Emit(std::move(partials));
  }

  const std::shared_ptr<arrow::Schema>& output_schema() const override { return input_; }

 private:
  /// Fills slots_, first_rows_ and row_counts_. False when some row has no window or the groups are not half
  /// as many as the rows.
  bool FindGroups(const Batch& batch) {
    const auto rows = static_cast<std::size_t>(batch.num_rows());
    panes_ms_.resize(rows);
    slots_.resize(rows);
    first_rows_.clear();
    row_counts_.clear();
    WindowAssigner::Exceptions exceptions;
    const std::int64_t never_late = kNoWatermark.value();
    assigner_.Assign({batch.event_time->raw_values(), rows}, {&never_late, 1}, panes_ms_, &exceptions);
    if (!exceptions.empty()) return false;
    const KeyColumn keys{.data = reinterpret_cast<const char*>(batch.key->raw_data()),
                         .offsets = {batch.key->raw_value_offsets(), rows + 1}};
    index_.Clear();
    for (std::size_t at = 0; at < rows; at += RowIndex::kBatchRows) {
      AddToIndex(keys, at, std::min(rows - at, RowIndex::kBatchRows));
      if (first_rows_.size() * 2 > rows) return false;
    }
    return true;
  }

  void AddToIndex(const KeyColumn& keys, std::size_t first, std::size_t n) {
    std::uint32_t hashes[RowIndex::kBatchRows];
    index_.FindBatch(panes_ms_.data() + first, keys, first, n, hashes, slots_.data() + first);
    for (std::size_t i = 0; i < n; ++i) {
      const std::size_t row = first + i;
      std::uint32_t& slot = slots_[row];
      // A row before it may have brought its group by now.
      if (slot == RowIndex::kNoSlot) slot = index_.Find(panes_ms_[row], keys[row], hashes[i]);
      if (slot == RowIndex::kNoSlot) {
        slot = index_.Insert(panes_ms_[row], keys[row], hashes[i]);
        MR_DCHECK(slot == first_rows_.size());
        first_rows_.push_back(static_cast<std::int32_t>(row));
        row_counts_.push_back(0);
      }
      ++row_counts_[slot];
    }
  }

  bool HasLongKey(const arrow::BinaryArray& keys) const {
    return std::any_of(first_rows_.begin(), first_rows_.end(),
                       [&](std::int32_t row) { return keys.value_length(row) > most_key_bytes_; });
  }

  /// Adds the rows to the groups of slots_. False when they have to travel themselves.
  Result<bool> AddRows(const Batch& batch) {
    if (HasRowWiderThan(kWideBytes, *batch.data) || HasLongKey(*batch.key)) return false;
    MR_ASSIGN_OR_RETURN(const std::vector<RowError> failed, update_.Evaluate(batch));
    if (!failed.empty() || !update_.Combinable()) return false;
    const auto groups = static_cast<std::uint32_t>(first_rows_.size());
    if (groups > room_) groups_.Resize(room_ = groups);
    for (std::uint32_t slot = 0; slot < groups; ++slot) groups_.Clear(slot);
    MR_ASSIGN_OR_RETURN(const std::vector<RowError> refused,
                        update_.Add(batch, slots_, [](std::size_t) { return std::string(); }));
    return refused.empty();
  }

  /// The states of the groups; null when one is too wide.
  Result<std::shared_ptr<arrow::Array>> States() {
    arrow::BinaryBuilder builder;
    MR_RETURN_IF_ARROW_ERROR(builder.Reserve(static_cast<std::int64_t>(first_rows_.size())));
    for (std::uint32_t slot = 0; slot < first_rows_.size(); ++slot) {
      state_.clear();
      groups_.Encode(slot, &state_);
      if (static_cast<std::int64_t>(state_.size()) > kWideBytes) return nullptr;
      MR_RETURN_IF_ARROW_ERROR(builder.Append(state_));
    }
    std::shared_ptr<arrow::Array> states;
    MR_RETURN_IF_ARROW_ERROR(builder.Finish(&states));
    return states;
  }

  Result<Batch> MakePartials(const Batch& batch, std::shared_ptr<arrow::Array> states) const {
    const auto groups = static_cast<std::int64_t>(first_rows_.size());
    const auto first_rows =
        std::make_shared<arrow::Int32Array>(groups, arrow::Buffer::FromVector(first_rows_));
    const Batch sides = batch.WithData(arrow::RecordBatch::Make(arrow::schema(arrow::FieldVector()),
                                                                batch.num_rows(), arrow::ArrayVector()));
    MR_ASSIGN_OR_RETURN(const Batch of_first, TakeRows(sides, first_rows));
    Batch partials =
        of_first.WithData(arrow::RecordBatch::Make(partial_schema_, groups, {std::move(states)}));
    partials.watermark_before = nullptr;  // the reader judges
    partials.stands_for = std::make_shared<arrow::Int64Array>(groups, arrow::Buffer::FromVector(row_counts_));
    return partials;
  }

  const WindowAggregateOptions options_;
  const std::int64_t most_key_bytes_;
  const std::shared_ptr<arrow::Schema> input_;
  const std::shared_ptr<arrow::Schema> partial_schema_;
  const WindowAssigner assigner_;
  GroupRows groups_;
  GroupUpdate update_;
  std::uint32_t room_ = 0;  // slots that groups_ has
  int unseen_ = 0;

  // Of the batch under way; kept for their memory.
  RowIndex index_;
  std::vector<std::int64_t> panes_ms_;
  std::vector<std::uint32_t> slots_;
  std::vector<std::int32_t> first_rows_;  // by slot
  std::vector<std::int64_t> row_counts_;  // by slot
  std::string state_;
};

}  // namespace

Result<std::string> PartialLayout(const WindowAggregateOptions& options, const arrow::Schema& input) {
  const bool of_panes = options.kind == WindowKind::kTumbling || options.kind == WindowKind::kHopping;
  if (!of_panes || options.closing != ClosingMode::kPartition || options.trigger) return std::string();
  MR_ASSIGN_OR_RETURN(auto aggregators, MakeAggregators(options));
  if (!GroupRows(std::move(aggregators)).order_free()) return std::string();
  MR_ASSIGN_OR_RETURN(const WindowDescription description, DescribeWindow(options, input));
  return description.state_layout.substr(options.name.size() + 1);  // behind "<name>="
}

std::shared_ptr<arrow::Schema> PartialSchema(const std::string& layout) {
  return arrow::schema({arrow::field("partial", arrow::binary(), false)},
                       arrow::key_value_metadata({{kPartialOf, layout}}));
}

std::string PartialLayoutOf(const arrow::Schema& schema) {
  if (schema.metadata() == nullptr) return "";
  return schema.metadata()->Get(kPartialOf).ValueOr("");
}

Result<std::unique_ptr<Operator>> MakePartialAggregate(WindowAggregateOptions options,
                                                       const std::shared_ptr<arrow::Schema>& input,
                                                       std::int64_t most_key_bytes) {
  MR_ASSIGN_OR_RETURN(const std::string layout, PartialLayout(options, *input));
  MR_CHECK(!layout.empty()) << "the window " << options.name << " takes no partial aggregates";
  MR_ASSIGN_OR_RETURN(auto aggregators, MakeAggregators(options));
  return std::unique_ptr<Operator>(std::make_unique<PartialAggregate>(
      std::move(options), input, std::move(aggregators), layout, most_key_bytes));
}

}  // namespace millrace
