// Cost of KeyedTable per row. Arguments: number of keys. All keys are int64 columns in their canonical 9
// bytes.

#include <random>

#include <benchmark/benchmark.h>

#include "env/file.h"
#include "state/state_store.h"

namespace millrace {
namespace {

constexpr std::size_t kBatchRows = 16'384;
constexpr int kBatches = 64;
constexpr std::string_view kDirectory = "/tmp/millrace-state-bench";

/// Rows of one number.
class Numbers final : public SlotRows {
 public:
  void Resize(std::uint32_t slots) override { values_.resize(slots); }
  void Clear(std::uint32_t slot) override { values_[slot] = 0; }
  void Encode(std::uint32_t slot, std::string* out) const override {
    out->append(reinterpret_cast<const char*>(&values_[slot]), sizeof(std::int64_t));
  }
  Status Decode(std::uint32_t slot, std::string_view bytes) override {
    if (bytes.size() != sizeof(std::int64_t)) return Status::Corrupt("not a number");
    __builtin_memcpy(&values_[slot], bytes.data(), sizeof(std::int64_t));
    return Status::Ok();
  }

 private:
  std::vector<std::int64_t> values_;
};

/// Random keys, cut into batches.
class Keys {
 public:
  explicit Keys(std::int64_t keys) {
    std::mt19937_64 random(1);
    for (int i = 0; i < kBatches; ++i) {
      std::string& bytes = bytes_.emplace_back();
      for (std::size_t row = 0; row < kBatchRows; ++row) {
        const std::uint64_t key = __builtin_bswap64(random() % static_cast<std::uint64_t>(keys));
        bytes.push_back('\1');
        bytes.append(reinterpret_cast<const char*>(&key), sizeof(key));
      }
    }
    for (std::size_t row = 0; row <= kBatchRows; ++row)
      offsets_.push_back(static_cast<std::int32_t>(row * 9));
  }
  KeyColumn Batch(std::size_t i) const { return {.data = bytes_[i % kBatches].data(), .offsets = offsets_}; }

 private:
  std::vector<std::string> bytes_;
  std::vector<std::int32_t> offsets_;
};

/// A store whose table has all keys in slice 0.
struct Filled {
  explicit Filled(std::int64_t keys) : batches(keys) {
    static_cast<void>(RemoveAll(std::string(kDirectory)));
    runtime = *StateRuntime::Make(ByteCount(256 << 20));
    StateStoreOptions options;
    options.directory = kDirectory;
    options.max_rows_in_memory = 10'000'000;
    options.max_bytes_in_memory = options.max_rows_in_memory * StateStoreOptions::kBytesPerRow;
    store = *StateStore::Open(options, *runtime);
    table = *store->AddTable("t", &rows);
    for (std::size_t i = 0; i < kBatches; ++i) Lookup(i);
  }
  void Lookup(std::size_t batch) { MR_CHECK(table->Lookup(slices, batches.Batch(batch), slots).ok()); }

  Keys batches;
  Numbers rows;
  std::vector<std::int64_t> slices = std::vector<std::int64_t>(kBatchRows, 0);
  std::vector<std::uint32_t> slots = std::vector<std::uint32_t>(kBatchRows);
  std::unique_ptr<StateRuntime> runtime;
  std::unique_ptr<StateStore> store;
  KeyedTable* table = nullptr;
};

void LookupOfKnownKeys(benchmark::State& state) {
  Filled filled(state.range(0));
  std::size_t batch = 0;
  for (auto _ : state) filled.Lookup(batch++);
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kBatchRows));
}
BENCHMARK(LookupOfKnownKeys)->Arg(10'000)->Arg(1'000'000);

void CommitPerDirtyRow(benchmark::State& state) {
  Filled filled(state.range(0));
  std::int64_t rows = 0;
  std::int64_t offset = 0;
  for (auto _ : state) {
    state.PauseTiming();
    for (std::size_t i = 0; i < kBatches; ++i) filled.Lookup(i);
    rows += filled.store->dirty_rows();
    state.ResumeTiming();
    MR_CHECK(filled.store->CollectDirty([](const ChangelogEntry&) { return Status::Ok(); }).ok());
    MR_CHECK(filled.store->CommitDirty({{"t", Offset(++offset)}}).ok());
  }
  state.SetItemsProcessed(rows);
}
BENCHMARK(CommitPerDirtyRow)->Arg(10'000)->Arg(1'000'000);

void FillAndCloseSlice(benchmark::State& state) {
  Filled filled(state.range(0));
  std::int64_t slice = 0;
  std::int64_t rows = 0;
  for (auto _ : state) {
    rows += filled.table->num_rows();
    MR_CHECK(filled.table->CloseSlice(slice, [](auto, auto) { return Status::Ok(); }).ok());
    filled.slices.assign(kBatchRows, ++slice);
    for (std::size_t i = 0; i < 2; ++i) filled.Lookup(i);
  }
  state.SetItemsProcessed(rows);
}
BENCHMARK(FillAndCloseSlice)->Arg(10'000);

void RestorePerEntry(benchmark::State& state) {
  constexpr std::size_t kEntries = 10'000;
  Filled filled(16);
  std::vector<std::string> keys;
  std::mt19937_64 random(1);
  for (std::int64_t i = 0; i < state.range(0); ++i) {
    const std::uint64_t key = random();
    keys.push_back(std::string("\x80\0\0\0\0\0\0\0\1", 9) +
                   std::string(reinterpret_cast<const char*>(&key), 8));
  }
  const std::string value(64, 'v');
  for (auto _ : state) {
    MR_CHECK(filled.store->Rollback().ok());
    MR_CHECK(filled.store->Wipe().ok());
    std::vector<std::pair<std::string_view, std::optional<std::string_view>>> entries;
    for (std::size_t first = 0; first < keys.size(); first += kEntries) {
      entries.clear();
      for (std::size_t i = first; i < std::min(first + kEntries, keys.size()); ++i)
        entries.emplace_back(keys[i], value);
      MR_CHECK(
          filled.store->ApplyChangelog("t", "id", entries, Offset(static_cast<std::int64_t>(first))).ok());
    }
    MR_CHECK(filled.store->FinishRestore().ok());
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
// A store with many rows takes over what the last seconds of a changelog changed.
void RestoreOfALittle(benchmark::State& state) {
  constexpr std::size_t kEntries = 10'000;
  Filled filled(state.range(0));
  MR_CHECK(filled.store->CollectDirty([](const ChangelogEntry&) { return Status::Ok(); }).ok());
  MR_CHECK(filled.store->CommitDirty({{"t", Offset(1)}}).ok());
  MR_CHECK(filled.store->FinishRestore().ok());
  std::mt19937_64 random(1);
  std::int64_t offset = 1;
  for (auto _ : state) {
    std::vector<std::string> keys;
    for (std::size_t i = 0; i < kEntries; ++i) {
      const std::uint64_t key = random();
      keys.push_back(std::string("\x80\0\0\0\0\0\0\0\1", 9) +
                     std::string(reinterpret_cast<const char*>(&key), 8));
    }
    std::vector<std::pair<std::string_view, std::optional<std::string_view>>> entries;
    entries.reserve(kEntries);
    for (const std::string& key : keys) entries.emplace_back(key, "value");
    MR_CHECK(filled.store->ApplyChangelog("t", "id", entries, Offset(++offset)).ok());
    MR_CHECK(filled.store->FinishRestore().ok());
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kEntries));
}
BENCHMARK(RestoreOfALittle)->Arg(1'000'000)->Unit(benchmark::kMillisecond)->MeasureProcessCPUTime();

// All threads count: RocksDB compacts beside it.
BENCHMARK(RestorePerEntry)->Arg(2'000'000)->Unit(benchmark::kMillisecond)->MeasureProcessCPUTime();

}  // namespace
}  // namespace millrace

BENCHMARK_MAIN();
