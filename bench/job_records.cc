#include "job_records.h"

#include <cstdio>
#include <cstdlib>

namespace millrace::bench {
namespace {

constexpr std::int64_t kRecordsPerKeyAndMinute = 60;

// SplitMix64: the sequence must be the same on every machine and with every standard library.
std::uint64_t NextRandom(std::uint64_t& state) {
  std::uint64_t z = (state += 0x9E3779B97F4A7C15U);
  z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
  z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
  return z ^ (z >> 31U);
}

constexpr const char* kChannels[] = {"organic", "partner", "display", "coupons"};
constexpr const char* kCountries[] = {"DE", "FR", "US", "JP", "BR", "IN", "PL", "SE"};

}  // namespace

JobRecords::JobRecords(int size, std::int64_t keys, Order order) : size_(size), keys_(keys), order_(order) {
  if (size != 86 && size != 363) {
    std::fprintf(stderr, "a record has 86 or 363 bytes, not %d\n", size);
    std::exit(2);
  }
}

void JobRecords::Next() {
  const std::uint64_t random = NextRandom(state_);
  bid_.ts = kStartMs + index_ * kWindowMs / (kRecordsPerKeyAndMinute * keys_);
  bid_.auction = 1'000'000'000 + static_cast<std::int64_t>(ChooseAuction(random));
  bid_.bidder = 200'000'000'000 + static_cast<std::int64_t>((random >> 16U) % 50'000'000);
  bid_.price = 1'000.0 + static_cast<double>((random >> 44U) % 36'000) * 0.25;
  ++index_;
  Write();
}

std::uint64_t JobRecords::ChooseAuction(std::uint64_t random) const {
  constexpr std::uint64_t kStride = 7'368'787;  // a prime: neighbours in time are none in number
  const auto keys = static_cast<std::uint64_t>(keys_);
  switch (order_) {
    case Order::kUniform:
      break;
    case Order::kEachOnce:
      return static_cast<std::uint64_t>(index_) * kStride % keys;
    case Order::kSkewed:
      if ((random >> 40U) % 100 < 99) return random % (keys / 100) * kStride % keys;
  }
  return random % keys;
}

void JobRecords::Write() {
  char text[512];
  int length =
      std::snprintf(text, sizeof text, R"({"ts": %lld, "auction": %lld, "bidder": %lld, "price": %.2f)",
                    static_cast<long long>(bid_.ts), static_cast<long long>(bid_.auction),
                    static_cast<long long>(bid_.bidder), bid_.price);
  if (size_ == 363) {
    const auto salt = static_cast<std::uint64_t>(bid_.bidder * 31 + bid_.ts);
    length += std::snprintf(
        text + length, sizeof text - static_cast<std::size_t>(length),
        R"(, "channel": "%s", "country": "%s", "session": "%016llx", "first": %s, "position": %03d, )"
        R"("url": "https://shop.example/auctions/%lld/items/%08llx?campaign=spring", )"
        R"("agent": "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/128.0", "score": 0.%06d)",
        kChannels[salt % 4], kCountries[salt % 8],
        static_cast<unsigned long long>(salt * 0x9E3779B97F4A7C15U), salt % 2 == 0 ? "true " : "false",
        static_cast<int>(100 + salt % 900), static_cast<long long>(bid_.auction),
        static_cast<unsigned long long>(salt & 0xFFFFFFFFU), static_cast<int>(100'000 + salt % 900'000));
  }
  text[length++] = '}';
  if (length != size_) {
    std::fprintf(stderr, "record of %d bytes instead of %d: %.*s\n", length, size_, length, text);
    std::exit(1);
  }
  value_.assign(text, static_cast<std::size_t>(length));
  key_ = std::to_string(bid_.auction);
}

std::string JobRecords::Sentinel(std::int64_t records, std::int32_t partition) {
  const std::int64_t ts = kStartMs + (records / (kRecordsPerKeyAndMinute * kKeys) + 60) * kWindowMs;
  return R"({"ts": )" + std::to_string(ts) + R"(, "auction": )" + std::to_string(SentinelAuction(partition)) +
         R"(, "bidder": 0, "price": 0.0})";
}

}  // namespace millrace::bench
