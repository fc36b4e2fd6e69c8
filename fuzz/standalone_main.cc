// Runs a fuzz target without libFuzzer: replays the corpus, then random mutations of it.
//
//   NAME_fuzz [--iterations N] [--seed N] [FILE or FOLDER...]

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string_view>

#include "fuzz_target.h"

namespace {

constexpr std::size_t kMaxInput = 512;
constexpr std::size_t kMaxPool = 4096;

std::string g_current;  // printed when the target aborts

void PrintCurrent() {
  std::fprintf(stderr, "\nthe failing input has %zu bytes:\n", g_current.size());
  std::fwrite(g_current.data(), 1, g_current.size(), stderr);
  std::fputc('\n', stderr);
}

void Run(const std::string& input) {
  g_current = input;
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
}

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

void AddCorpus(const std::filesystem::path& path, std::vector<std::string>* pool) {
  if (!std::filesystem::is_directory(path)) {
    pool->push_back(ReadFile(path));
    return;
  }
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(path)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  for (const auto& file : files) AddCorpus(file, pool);
}

std::string Mutate(const std::vector<std::string>& pool, std::mt19937_64& random) {
  const auto below = [&](std::size_t limit) { return limit == 0 ? 0 : random() % limit; };
  std::string text = pool[below(pool.size())];
  for (std::size_t changes = 1 + below(4); changes > 0; --changes) {
    const std::size_t at = below(text.size() + 1);
    const std::size_t length = below(std::min<std::size_t>(text.size() - at, 24) + 1);
    const std::string& other = pool[below(pool.size())];
    const std::size_t from = below(other.size() + 1);
    switch (below(5)) {
      case 0:
        text.erase(at, length);
        break;
      case 1:
        text.insert(at, text.substr(at, length));
        break;
      case 2:
        text.insert(at, 1, static_cast<char>(below(8) == 0 ? random() : ' ' + random() % 95));
        break;
      case 3:
        text.replace(at, length, other.substr(from, 1 + below(24)));
        break;
      default:
        text = text.substr(0, at) + other.substr(from);
        break;
    }
  }
  if (text.size() > kMaxInput) text.resize(kMaxInput);
  return text;
}

std::uint64_t NumberOr(std::string_view text, std::uint64_t otherwise) {
  std::uint64_t value = 0;
  return std::from_chars(text.data(), text.data() + text.size(), value).ec == std::errc() ? value : otherwise;
}

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t iterations = 20'000;
  std::uint64_t seed = 1;
  std::vector<std::string> pool = FuzzSeeds();
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--iterations" && i + 1 < argc) {
      iterations = NumberOr(argv[++i], iterations);
    } else if (argument == "--seed" && i + 1 < argc) {
      seed = NumberOr(argv[++i], seed);
    } else {
      AddCorpus(argument, &pool);
    }
  }
  std::signal(SIGABRT, [](int) { PrintCurrent(); });
  for (const std::string& input : pool) Run(input);
  std::mt19937_64 random(seed);
  for (std::uint64_t i = 0; i < iterations; ++i) {
    std::string input = Mutate(pool, random);
    Run(input);
    // A slowly growing pool reaches further than single steps from the seeds.
    if (pool.size() < kMaxPool && random() % 16 == 0) pool.push_back(std::move(input));
  }
  std::printf("%zu inputs in the pool, %llu mutations, seed %llu: no promise broken\n", pool.size(),
              static_cast<unsigned long long>(iterations), static_cast<unsigned long long>(seed));
  return 0;
}
