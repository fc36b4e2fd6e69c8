#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <string>

#include <rocksdb/cache.h>
#include <rocksdb/env.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>
#include <rocksdb/write_buffer_manager.h>

#include "base/log.h"
#include "state/disk.h"

namespace millrace {
namespace {

constexpr std::int64_t kLeastMemory = 8LL << 20;
constexpr std::size_t kMemtableBytes = 32ULL << 20;
constexpr std::size_t kArenaBlockBytes = 256ULL << 10;
constexpr double kBloomBitsPerKey = 10;
constexpr double kMemtableBloomShare = 1.0 / 64;  // twelve bits for each of 340,000 rows of 100 bytes
constexpr int kMaxOpenFilesPerDisk = 256;
// A task's manifest stays small; the default is 4 MiB.
constexpr std::size_t kManifestStepBytes = 64ULL << 10;
constexpr std::size_t kMaxLogLine = 1024;

// What RocksDB has to complain about, in our log. Its own LOG file in the state directory would end the
// process on a full disk: the second write after a failed one is an assertion in the library as Debian builds
// it.
class LogOfRocksDb final : public rocksdb::Logger {
 public:
  LogOfRocksDb() : rocksdb::Logger(rocksdb::InfoLogLevel::WARN_LEVEL) {}

  using rocksdb::Logger::Logv;
  void Logv(const char* format, va_list arguments) override {
    char line[kMaxLogLine];
    std::vsnprintf(line, sizeof line, format, arguments);
    Log(LogLevel::kWarning, "RocksDB", {{"says", std::string(line)}});
  }
  void LogHeader(const char* /*format*/, va_list /*arguments*/) override {}
};

rocksdb::BlockBasedTableOptions TableOptions(std::shared_ptr<rocksdb::Cache> cache) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = std::move(cache);
  table.cache_index_and_filter_blocks = true;
  table.cache_index_and_filter_blocks_with_high_priority = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(kBloomBitsPerKey));
  table.data_block_index_type = rocksdb::BlockBasedTableOptions::kDataBlockBinaryAndHash;
  table.format_version = 5;
  return table;
}

}  // namespace

StateRuntime::StateRuntime(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
StateRuntime::~StateRuntime() = default;

Result<std::unique_ptr<StateRuntime>> StateRuntime::Make(ByteCount memory) {
  if (memory.value() < kLeastMemory) {
    return Status::InvalidArgument("state needs at least " + FormatByteSize(ByteCount(kLeastMemory)) +
                                   " of memory, not " + FormatByteSize(memory) + "; raise `memory`");
  }
  const auto bytes = static_cast<std::size_t>(memory.value());
  // A strict limit would make reads fail; memtables are charged to the cache, so both together stay within
  // `memory`.
  const std::shared_ptr<rocksdb::Cache> cache = rocksdb::NewLRUCache(bytes, /*num_shard_bits=*/4);
  auto impl = std::make_unique<Impl>();
  rocksdb::Options& options = impl->options;
  impl->restore_bytes_most = memory.value() / 4;
  options.create_if_missing = true;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(TableOptions(cache)));
  // Never stalls: one thread owns many disks, and waiting in one would keep the others from being flushed.
  options.write_buffer_manager =
      std::make_shared<rocksdb::WriteBufferManager>(bytes / 2, cache, /*allow_stall=*/false);
  options.write_buffer_size = std::min(kMemtableBytes, bytes / 4);
  options.max_write_buffer_number = 2;
  options.arena_block_size = kArenaBlockBytes;
  // Most keys that are looked for on a disk are not in its memtable, and a miss in the skip list costs as
  // much as reading a block that is cached.
  options.memtable_whole_key_filtering = true;
  options.memtable_prefix_bloom_size_ratio = kMemtableBloomShare;
  options.max_background_jobs = 2;
  options.max_open_files = kMaxOpenFilesPerDisk;
  // Not sixteen threads for each of many disks that are opened at once; and where one of them could not be
  // had, RocksDB would end the process without a word.
  options.max_file_opening_threads = 1;
  options.compression = rocksdb::kLZ4Compression;
  options.level_compaction_dynamic_level_bytes = true;
  options.avoid_unnecessary_blocking_io = true;
  options.skip_stats_update_on_db_open = true;
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  options.info_log = std::make_shared<LogOfRocksDb>();
  options.max_manifest_file_size = 4ULL << 20;
  options.manifest_preallocation_size = kManifestStepBytes;
  return std::unique_ptr<StateRuntime>(new StateRuntime(std::move(impl)));
}

}  // namespace millrace
