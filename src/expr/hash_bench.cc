// Nanoseconds per text of the hash functions, as an expression evaluates them on a batch of 16 k rows, beside
// bare OpenSSL on the same texts: digests only, no digits written. The argument of the bare ones is the
// field.
//
//   sha256/context    SHA256_Init, _Update, _Final: the fastest that OpenSSL offers, the yardstick
//   sha256/evp_reused EVP with one context and a fetched algorithm
//   sha256/evp        EVP_Digest per text
//   hash/...          normalise, hash, write 64 digits; ratio: time divided by that of sha256/context just
//   before
#define OPENSSL_SUPPRESS_DEPRECATED

#include <array>
#include <ctime>
#include <random>

#include <arrow/api.h>
#include <benchmark/benchmark.h>
#include <openssl/evp.h>
#include <openssl/sha.h>

#include "base/check.h"
#include "expr/expr.h"

namespace millrace {
namespace {

constexpr std::int64_t kRows = 16'384;

std::string Digits(std::mt19937& random, int count) {
  std::string digits;
  for (int i = 0; i < count; ++i) digits += static_cast<char>('0' + random() % 10);
  return digits;
}

/// What people enter in the field of that name.
std::string MakeText(const std::string& field, std::mt19937& random) {
  static constexpr std::array<const char*, 6> kNames = {"Anna",       "Jean-Luc", "O'Brien",
                                                        "Maximilian", "Lee",      "Garcia"};
  static constexpr std::array<const char*, 4> kCities = {"San Francisco", "New York", "Berlin",
                                                         "Stratford upon Avon"};
  static constexpr std::array<const char*, 4> kCountries = {"US", "de", "GB", "India"};
  if (field == "email") {
    return std::string(kNames[random() % kNames.size()]) + "." + Digits(random, 6) + "@Example.com";
  }
  if (field == "phone")
    return "+1 (" + Digits(random, 3) + ") " + Digits(random, 3) + "-" + Digits(random, 4);
  if (field == "name") return kNames[random() % kNames.size()];
  if (field == "city") return kCities[random() % kCities.size()];
  if (field == "zip") return Digits(random, 5);
  if (field == "country") return kCountries[random() % kCountries.size()];
  if (field == "birthday")
    return "19" + Digits(random, 2) + "-0" + std::to_string(1 + random() % 9) + "-1" + Digits(random, 1);
  return "AEBE52E7-03EE-455A-B3C4-" + Digits(random, 12);  // maid, external_id
}

struct Texts {
  std::shared_ptr<arrow::StringArray> array;
  std::shared_ptr<arrow::RecordBatch> batch;
};

Texts MakeTexts(const std::string& field) {
  std::mt19937 random(1);  // NOLINT(cert-msc51-cpp): the same texts in every run
  arrow::StringBuilder builder;
  for (std::int64_t i = 0; i < kRows; ++i) MR_CHECK(builder.Append(MakeText(field, random)).ok());
  auto array = std::static_pointer_cast<arrow::StringArray>(*builder.Finish());
  auto batch = arrow::RecordBatch::Make(arrow::schema({arrow::field("x", arrow::utf8())}), kRows, {array});
  return {std::move(array), std::move(batch)};
}

void HashBare(const arrow::StringArray& texts) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest;
  for (std::int64_t i = 0; i < texts.length(); ++i) {
    const std::string_view text = texts.GetView(i);
    SHA256_CTX context;
    SHA256_Init(&context);
    SHA256_Update(&context, text.data(), text.size());
    SHA256_Final(digest.data(), &context);
    benchmark::DoNotOptimize(digest);
  }
}

void BM_Context(benchmark::State& state, const std::string& field) {
  const Texts texts = MakeTexts(field);
  for (auto _ : state) HashBare(*texts.array);
  state.SetItemsProcessed(state.iterations() * kRows);
}

void BM_EvpReused(benchmark::State& state, const std::string& field) {
  const Texts texts = MakeTexts(field);
  EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  EVP_MD_CTX* const context = EVP_MD_CTX_new();
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  for (auto _ : state) {
    for (std::int64_t i = 0; i < kRows; ++i) {
      const std::string_view text = texts.array->GetView(i);
      EVP_DigestInit_ex2(context, algorithm, nullptr);
      EVP_DigestUpdate(context, text.data(), text.size());
      EVP_DigestFinal_ex(context, digest.data(), nullptr);
      benchmark::DoNotOptimize(digest);
    }
  }
  EVP_MD_CTX_free(context);
  EVP_MD_free(algorithm);
  state.SetItemsProcessed(state.iterations() * kRows);
}

void BM_Evp(benchmark::State& state, const std::string& field) {
  const Texts texts = MakeTexts(field);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  for (auto _ : state) {
    for (std::int64_t i = 0; i < kRows; ++i) {
      const std::string_view text = texts.array->GetView(i);
      EVP_Digest(text.data(), text.size(), digest.data(), nullptr, EVP_sha256(), nullptr);
      benchmark::DoNotOptimize(digest);
    }
  }
  state.SetItemsProcessed(state.iterations() * kRows);
}

/// Of this thread: the machine may be busy.
double CpuSeconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

/// The function of a field against the bare hash, batch by batch in turn.
void BM_Hash(benchmark::State& state, const std::string& field) {
  const Texts texts = MakeTexts(field);
  const auto bound = BoundExpr::Bind(*ParseExpr("snap_hash_" + field + "(x)"), texts.batch->schema());
  MR_CHECK(bound.ok()) << bound.status().message();
  double bare = 0;
  double ours = 0;
  for (auto _ : state) {
    const double start = CpuSeconds();
    HashBare(*texts.array);
    const double middle = CpuSeconds();
    const auto values = bound->Evaluate(*texts.batch);
    const double end = CpuSeconds();
    MR_CHECK(values.ok());
    bare += middle - start;
    ours += end - middle;
    state.SetIterationTime(end - middle);
  }
  state.SetItemsProcessed(state.iterations() * kRows);
  state.counters["ratio"] = ours / bare;
}

}  // namespace
}  // namespace millrace

int main(int argc, char** argv) {
  MR_CHECK(millrace::InitializeExpressions().ok());
  benchmark::Initialize(&argc, argv);
  for (const std::string field : {"email", "phone", "maid"}) {
    benchmark::RegisterBenchmark(("sha256/context/" + field).c_str(), millrace::BM_Context, field);
    benchmark::RegisterBenchmark(("sha256/evp_reused/" + field).c_str(), millrace::BM_EvpReused, field);
    benchmark::RegisterBenchmark(("sha256/evp/" + field).c_str(), millrace::BM_Evp, field);
  }
  for (const std::string field :
       {"email", "phone", "name", "city", "zip", "country", "birthday", "external_id", "maid"}) {
    benchmark::RegisterBenchmark(("hash/" + field).c_str(), millrace::BM_Hash, field)->UseManualTime();
  }
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
