// Aggregates that approximate in bounded memory: approx_count_distinct (HyperLogLog) and quantile (t-digest).

#include <xxhash.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <set>

#include <arrow/api.h>

#include "base/check.h"
#include "columnar/key_encoding.h"
#include "ops/column_values.h"
#include "ops/object_aggregator.h"
#include "ops/row_aggregator.h"

namespace millrace {
namespace {

// --- approx_count_distinct ---

/// Hashes of values: all of them while they are few, then a HyperLogLog of 4,096 registers (standard error
/// 1.6 %).
class DistinctSketch {
 public:
  void Add(std::uint64_t hash) {
    if (!registers_.empty()) return AddToRegisters(hash);
    hashes_.insert(hash);
    if (hashes_.size() > kMostHashes) MakeRegisters();
  }
  void Merge(const DistinctSketch& other) {
    for (const std::uint64_t hash : other.hashes_) Add(hash);
    if (other.registers_.empty()) return;
    MakeRegisters();
    for (std::size_t i = 0; i < kRegisters; ++i) registers_[i] = std::max(registers_[i], other.registers_[i]);
  }
  std::int64_t aside_bytes() const {
    constexpr std::size_t kNodeBytes = 48;
    return static_cast<std::int64_t>(hashes_.size() * kNodeBytes + registers_.capacity());
  }
  std::int64_t Estimate() const {
    if (registers_.empty()) return static_cast<std::int64_t>(hashes_.size());
    constexpr auto kM = static_cast<double>(kRegisters);
    double sum = 0;
    int zeros = 0;
    for (const std::uint8_t rank : registers_) {
      sum += std::ldexp(1.0, -rank);
      zeros += rank == 0 ? 1 : 0;
    }
    const double raw = 0.7213 / (1 + 1.079 / kM) * kM * kM / sum;
    const bool count_zeros = raw <= 2.5 * kM && zeros > 0;
    return std::llround(count_zeros ? kM * std::log(kM / zeros) : raw);
  }
  void Encode(std::string* out) const {
    AppendFixed(static_cast<std::uint32_t>(hashes_.size()), out);
    for (const std::uint64_t hash : hashes_) AppendFixed(hash, out);
    AppendBytes({reinterpret_cast<const char*>(registers_.data()), registers_.size()}, out);
  }
  Status Decode(std::string_view* in) {
    std::uint32_t size = 0;
    MR_RETURN_IF_ERROR(TakeFixed(in, &size));
    for (std::uint32_t i = 0; i < size; ++i) {
      std::uint64_t hash = 0;
      MR_RETURN_IF_ERROR(TakeFixed(in, &hash));
      hashes_.insert(hashes_.end(), hash);
    }
    std::string registers;
    MR_RETURN_IF_ERROR(TakeBytes(in, &registers));
    if (!registers.empty() && registers.size() != kRegisters) {
      return Status::Corrupt("a sketch of distinct values has " + std::to_string(registers.size()) +
                             " registers");
    }
    registers_.assign(registers.begin(), registers.end());
    return Status::Ok();
  }

 private:
  static constexpr std::size_t kMostHashes = 1'024;
  static constexpr int kIndexBits = 12;
  static constexpr std::size_t kRegisters = std::size_t{1} << kIndexBits;

  void AddToRegisters(std::uint64_t hash) {
    std::uint8_t& rank = registers_[hash >> (64 - kIndexBits)];
    const std::uint64_t rest = hash << kIndexBits;
    const int zeros = rest == 0 ? 64 - kIndexBits : std::countl_zero(rest);
    rank = std::max(rank, static_cast<std::uint8_t>(zeros + 1));
  }
  void MakeRegisters() {
    if (!registers_.empty()) return;
    registers_.assign(kRegisters, 0);
    for (const std::uint64_t hash : hashes_) AddToRegisters(hash);
    hashes_.clear();
  }

  std::set<std::uint64_t> hashes_;
  std::vector<std::uint8_t> registers_;  // empty while hashes_ holds all
};

class ApproxCountDistinct final
    : public RowAggregator<ApproxCountDistinct, ObjectAggregator<DistinctSketch>> {
 public:
  ApproxCountDistinct()
      : RowAggregator<ApproxCountDistinct, ObjectAggregator<DistinctSketch>>(arrow::int64()),
        results_(arrow::int64()) {}

  template <typename After>
  bool AddRows(const AggregateInput& input, const After& after) {
    KeyBuffer values;
    const std::shared_ptr<arrow::Array> column = arrow::MakeArray(input.values->data());
    const Status status = EncodeKeys(std::span(&column, 1), &values);
    MR_CHECK(status.ok()) << status.ToString();
    ForEachRow(*input.values, after, [&](std::size_t i) {
      const std::uint64_t hash = XXH3_64bits(values[i].data(), values[i].size());
      Change(input.state(i), [hash](DistinctSketch& sketch) { sketch.Add(hash); });
    });
    return true;
  }
  Status Append(const std::byte* state) override { return results_.Append(Of(state).Estimate()); }
  Result<std::shared_ptr<arrow::Array>> Finish() override { return results_.Finish(); }

 private:
  ColumnBuilder<std::int64_t> results_;
};

// --- quantile ---

/// A t-digest: exact while values are few; then clusters that are small near the ends, so that extreme
/// quantiles stay sharp. What it holds depends on the values and their order alone.
class QuantileDigest {
 public:
  void Add(double value) { Add(Cluster{value, 1}); }
  void Merge(const QuantileDigest& other) {
    if (empty()) {
      *this = other;
      return;
    }
    for (const Cluster& cluster : other.clusters_) Add(cluster);
    for (const Cluster& cluster : other.recent_) Add(cluster);
  }
  bool empty() const { return clusters_.empty() && recent_.empty(); }
  std::int64_t aside_bytes() const {
    return static_cast<std::int64_t>((clusters_.capacity() + recent_.capacity()) * sizeof(Cluster));
  }

  /// Linear between the middles of clusters. Precondition: !empty().
  double Quantile(double q) const {
    std::vector<Cluster> sorted = Sorted();
    double total = 0;
    for (const Cluster& cluster : sorted) total += cluster.weight;
    const double at = q * (total - 1);  // as an index into the sorted values
    double before = 0;
    double last_middle = 0;
    for (std::size_t i = 0; i < sorted.size(); ++i) {
      const double middle = before + (sorted[i].weight - 1) / 2;
      if (at <= middle) {
        if (i == 0 || middle == last_middle) return sorted[i].mean;
        const double part = (at - last_middle) / (middle - last_middle);
        return sorted[i - 1].mean + part * (sorted[i].mean - sorted[i - 1].mean);
      }
      before += sorted[i].weight;
      last_middle = middle;
    }
    return sorted.back().mean;
  }
  void Encode(std::string* out) const {
    for (const std::vector<Cluster>* part : {&clusters_, &recent_}) {
      AppendFixed(static_cast<std::uint32_t>(part->size()), out);
      for (const Cluster& cluster : *part) AppendFixed(cluster, out);
    }
  }
  Status Decode(std::string_view* in) {
    for (std::vector<Cluster>* part : {&clusters_, &recent_}) {
      std::uint32_t size = 0;
      MR_RETURN_IF_ERROR(TakeFixed(in, &size));
      for (std::uint32_t i = 0; i < size; ++i) {
        Cluster cluster{};
        MR_RETURN_IF_ERROR(TakeFixed(in, &cluster));
        part->push_back(cluster);
      }
    }
    return Status::Ok();
  }

 private:
  struct Cluster {
    double mean;
    double weight;
  };
  static constexpr std::size_t kMostRecent = 512;
  static constexpr double kCompression = 200;

  void Add(const Cluster& cluster) {
    recent_.push_back(cluster);
    if (recent_.size() >= kMostRecent) Compress();
  }
  std::vector<Cluster> Sorted() const {
    std::vector<Cluster> sorted = clusters_;
    sorted.insert(sorted.end(), recent_.begin(), recent_.end());
    std::stable_sort(sorted.begin(), sorted.end(),
                     [](const Cluster& a, const Cluster& b) { return a.mean < b.mean; });
    return sorted;
  }
  // Joins neighbours while the cluster stays below 4 n q (1 - q) / compression.
  void Compress() {
    const std::vector<Cluster> sorted = Sorted();
    recent_.clear();
    clusters_.clear();
    double total = 0;
    for (const Cluster& cluster : sorted) total += cluster.weight;
    double before = 0;
    for (const Cluster& next : sorted) {
      if (!clusters_.empty()) {
        Cluster& last = clusters_.back();
        const double weight = last.weight + next.weight;
        const double q = (before - last.weight + weight / 2) / total;
        if (weight <= 4 * total * q * (1 - q) / kCompression) {
          last.mean += (next.mean - last.mean) * next.weight / weight;
          last.weight = weight;
          before += next.weight;
          continue;
        }
      }
      clusters_.push_back(next);
      before += next.weight;
    }
  }

  std::vector<Cluster> clusters_;  // by mean
  std::vector<Cluster> recent_;    // not yet among them
};

/// quantile of numbers, as a double; NaN is ignored like null.
template <typename C>
class Quantile final : public RowAggregator<Quantile<C>, ObjectAggregator<QuantileDigest>> {
 public:
  explicit Quantile(double q)
      : RowAggregator<Quantile, ObjectAggregator<QuantileDigest>>(arrow::float64()),
        q_(q),
        results_(arrow::float64()) {}

  template <typename After>
  bool AddRows(const AggregateInput& input, const After& after) {
    const ColumnValues<C> values(*input.values);
    ForEachRow(*input.values, after, [&](std::size_t i) {
      const auto value = static_cast<double>(values[i]);
      if (!std::isnan(value))
        this->Change(input.state(i), [value](QuantileDigest& digest) { digest.Add(value); });
    });
    return true;
  }
  Status Append(const std::byte* state) override {
    const QuantileDigest& digest = this->Of(state);
    return digest.empty() ? results_.AppendNull() : results_.Append(digest.Quantile(q_));
  }
  Result<std::shared_ptr<arrow::Array>> Finish() override { return results_.Finish(); }

 private:
  const double q_;
  ColumnBuilder<double> results_;
};

}  // namespace

std::unique_ptr<Aggregator> MakeApproxCountDistinct(const arrow::DataType& argument) {
  if (!IsKeyType(argument)) return nullptr;
  return std::make_unique<ApproxCountDistinct>();
}

std::unique_ptr<Aggregator> MakeQuantile(const arrow::DataType& argument, double q) {
  using Made = std::unique_ptr<Aggregator>;
  return DispatchPhysical<Made>(argument, [&]<typename C>(std::type_identity<C>, auto) -> Made {
    if constexpr (std::is_arithmetic_v<C> && !std::is_same_v<C, bool>) {
      if (arrow::is_temporal(argument.id())) return nullptr;
      return std::make_unique<Quantile<C>>(q);
    } else {
      return nullptr;
    }
  });
}

}  // namespace millrace
