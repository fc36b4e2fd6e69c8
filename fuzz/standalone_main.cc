// Runs a fuzz target without libFuzzer: replays the corpus, then random mutations of it.
//
//   NAME_fuzz [--iterations N | --seconds N] [--seed N] [FILE or FOLDER...]
//
// The same seed and corpus give the same mutations; --seconds only decides how many of them are tried.

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string_view>

#include "fuzz_target.h"

/// Targets allocate most of the time, and most of that goes into the stack that AddressSanitizer keeps of
/// each allocation. ASAN_OPTIONS=malloc_context_size=30 gives all of it to look at a failure.
extern "C" const char* __asan_default_options() { return "malloc_context_size=4"; }

namespace {

constexpr std::size_t kMaxInput = 512;
constexpr std::size_t kMaxPool = 4096;
constexpr std::uint64_t kEnoughToJudge = 1000;  // mutations

std::string g_current;  // printed when the target aborts

/// On a stack of its own, because the input may have used up the other.
void OnCrash(int signal) {
  std::fprintf(stderr, "\nthe failing input has %zu bytes:\n", g_current.size());
  std::fwrite(g_current.data(), 1, g_current.size(), stderr);
  std::fputc('\n', stderr);
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

void CatchCrashes() {
  static std::array<char, 65'536> stack;
  const stack_t own = {.ss_sp = stack.data(), .ss_flags = 0, .ss_size = stack.size()};
  sigaltstack(&own, nullptr);
  struct sigaction action = {};
  action.sa_handler = OnCrash;
  action.sa_flags = SA_ONSTACK;
  for (const int signal : {SIGABRT, SIGSEGV, SIGFPE, SIGBUS}) sigaction(signal, &action, nullptr);
}

/// Whether the target found the input worth keeping.
bool Run(const std::string& input) {
  g_current = input;
  return 0 == LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
}

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    std::fprintf(stderr, "%s cannot be read\n", path.c_str());
    std::exit(2);
  }
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

bool IsWordByte(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

/// Splices pieces of inputs together, most of the time whole words.
class Mutator {
 public:
  explicit Mutator(std::uint64_t seed) : random_(seed) {}

  std::size_t Below(std::size_t limit) { return limit == 0 ? 0 : random_() % limit; }

  std::string Mutate(const std::vector<std::string>& pool) {
    std::string text = pool[Below(pool.size())];
    for (std::size_t changes = 1 + Below(3); changes > 0; --changes) {
      const auto [begin, end] = Span(text);
      const std::string& other = pool[Below(pool.size())];
      const auto [from, to] = Span(other);
      switch (Below(8)) {
        case 0:
          text.erase(begin, end - begin);
          break;
        case 1:
          text.insert(begin, text.substr(begin, end - begin));
          break;
        case 2:
          text.insert(begin, 1, static_cast<char>(Below(8) == 0 ? Below(256) : ' ' + Below(95)));
          break;
        case 3:
          text = text.substr(0, begin) + other.substr(from);
          break;
        default:
          text.replace(begin, end - begin, other.substr(from, to - from));
          break;
      }
    }
    if (text.size() > kMaxInput) text.resize(kMaxInput);
    return text;
  }

 private:
  std::size_t Cut(const std::string& text) {
    std::size_t at = Below(text.size() + 1);
    if (Below(8) == 0) return at;
    while (at > 0 && at < text.size() && IsWordByte(text[at - 1]) && IsWordByte(text[at])) ++at;
    return at;
  }

  /// A short piece of `text`.
  std::pair<std::size_t, std::size_t> Span(const std::string& text) {
    const std::size_t begin = Cut(text);
    std::size_t end = begin;
    for (std::size_t words = 1 + Below(Below(4) == 0 ? 12 : 2); words > 0 && end < text.size(); --words) {
      ++end;
      while (end < text.size() && IsWordByte(text[end - 1]) && IsWordByte(text[end])) ++end;
    }
    return {begin, end};
  }

  std::mt19937_64 random_;
};

struct Options {
  std::uint64_t iterations = 20'000;
  std::uint64_t seconds = 0;  // instead of iterations, unless 0
  std::uint64_t seed = 1;
  std::vector<std::string> corpus;  // files and folders
};

/// Ends the process when `text` is no number.
std::uint64_t Number(const char* option, std::string_view text) {
  std::uint64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  if (error == std::errc() && rest == end) return value;
  std::fprintf(stderr, "%s needs a number\n", option);
  std::exit(2);
}

Options ParseOptions(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    const char* const next = i + 1 < argc ? argv[i + 1] : "";
    if (argument == "--iterations") {
      options.iterations = Number(argv[i++], next);
    } else if (argument == "--seconds") {
      options.seconds = Number(argv[i++], next);
    } else if (argument == "--seed") {
      options.seed = Number(argv[i++], next);
    } else {
      options.corpus.emplace_back(argument);
    }
  }
  return options;
}

/// Says when enough mutations have been tried.
class Limit {
 public:
  explicit Limit(const Options& options)
      : iterations_(options.iterations),
        seconds_(options.seconds),
        start_(std::chrono::steady_clock::now()) {}

  bool Reached(std::uint64_t done) const {
    if (seconds_ == 0) return done >= iterations_;
    return std::chrono::steady_clock::now() - start_ >= std::chrono::seconds(seconds_);
  }

 private:
  const std::uint64_t iterations_;
  const std::uint64_t seconds_;
  const std::chrono::steady_clock::time_point start_;
};

}  // namespace

int main(int argc, char** argv) {
  const Options options = ParseOptions(argc, argv);
  std::vector<std::string> pool = FuzzSeeds();
  for (const std::string& path : options.corpus) AddCorpus(path, &pool);
  // Before the first input: it must be known when a later one crashes.
  std::printf("seed %llu\n", static_cast<unsigned long long>(options.seed));
  std::fflush(stdout);
  CatchCrashes();
  for (const std::string& input : pool) static_cast<void>(Run(input));
  Mutator mutator(options.seed);
  const Limit limit(options);
  const auto start = std::chrono::steady_clock::now();
  std::uint64_t done = 0;
  std::uint64_t kept = 0;
  for (; !limit.Reached(done); ++done) {
    std::string input = mutator.Mutate(pool);
    if (!Run(input)) continue;
    ++kept;
    // A slowly changing pool reaches further than single steps from the seeds.
    if (pool.size() < kMaxPool) {
      pool.push_back(std::move(input));
    } else if (mutator.Below(16) == 0) {
      pool[mutator.Below(pool.size())] = std::move(input);
    }
  }
  const auto seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  std::printf("%llu mutations with seed %llu in %.1f s, %llu of them valid: no promise broken\n%s\n",
              static_cast<unsigned long long>(done), static_cast<unsigned long long>(options.seed), seconds,
              static_cast<unsigned long long>(kept), FuzzReport().c_str());
  // Then the target's idea of valid is wrong, or the mutations do not reach what they should.
  if (done >= kEnoughToJudge && (kept == 0 || kept == done)) {
    std::fprintf(stderr, "the mutations are all %s\n", kept == 0 ? "invalid" : "valid");
    return 1;
  }
  return 0;
}
