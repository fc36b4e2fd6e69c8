// The digest functions of OpenSSL that need no context object: one block through EVP costs twice the time of
// the hash itself (sha256/... in hash_bench.cc), and the texts that are hashed here are mostly one block.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "expr/sha256.h"

#include <array>
#include <cstdint>
#include <cstring>

#include <openssl/sha.h>
#ifdef __SSSE3__
#include <tmmintrin.h>
#endif

namespace millrace::expr_internal {
namespace {

constexpr std::size_t kBlock = SHA256_CBLOCK;
/// Bytes of the last block that are left for the text: a one bit and the length follow it.
constexpr std::size_t kTextInLastBlock = kBlock - 9;

#ifdef __SSSE3__

/// The digits of four words, most significant first.
void WriteDigitsOfFour(const SHA_LONG* words, char* out) {
  const __m128i digits =
      _mm_setr_epi8('0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f');
  const __m128i big_endian = _mm_setr_epi8(3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12);
  const __m128i low_bits = _mm_set1_epi8(15);
  const __m128i bytes =
      _mm_shuffle_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(words)), big_endian);
  const __m128i high = _mm_shuffle_epi8(digits, _mm_and_si128(_mm_srli_epi16(bytes, 4), low_bits));
  const __m128i low = _mm_shuffle_epi8(digits, _mm_and_si128(bytes, low_bits));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out), _mm_unpacklo_epi8(high, low));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out) + 1, _mm_unpackhi_epi8(high, low));
}

#else

void WriteDigitsOfFour(const SHA_LONG* words, char* out) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  for (std::size_t i = 0; i < 32; ++i) out[i] = kDigits[(words[i / 8] >> (28 - i % 8 * 4)) & 15U];
}

#endif

/// Writes the padding behind the last part of a text of `total` bytes, less than a block of it, and hashes
/// it.
void Finish(SHA256_CTX* state, unsigned char* rest, std::uint64_t total) {
  const std::size_t size = total % kBlock;
  rest[size] = 0x80;
  std::memset(rest + size + 1, 0, kBlock);
  const std::size_t end = size <= kTextInLastBlock ? kBlock : 2 * kBlock;
  const std::uint64_t bits = __builtin_bswap64(total * 8);
  std::memcpy(rest + end - sizeof(bits), &bits, sizeof(bits));
  SHA256_Transform(state, rest);
  if (end > kBlock) SHA256_Transform(state, rest + kBlock);
}

/// SHA256_Init clears what only SHA256_Update needs, too.
void Begin(SHA256_CTX* state) {
  static constexpr std::array<std::uint32_t, 8> kStart = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                                          0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::memcpy(state->h, kStart.data(), sizeof(kStart));
}

void WriteDigits(const SHA256_CTX& state, char* out) {
  WriteDigitsOfFour(state.h, out);
  WriteDigitsOfFour(state.h + 4, out + kSha256HexSize / 2);
}

}  // namespace

void Sha256Hex(std::string_view text, char* out) {
  SHA256_CTX state;
  Begin(&state);
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  const std::size_t whole = text.size() - text.size() % kBlock;
  for (std::size_t at = 0; at < whole; at += kBlock) SHA256_Transform(&state, bytes + at);
  std::array<unsigned char, kBlock + kSha256Padding> rest;
  if (whole < text.size()) std::memcpy(rest.data(), bytes + whole, text.size() - whole);
  Finish(&state, rest.data(), text.size());
  WriteDigits(state, out);
}

void Sha256HexInPlace(char* text, std::size_t size, char* out) {
  SHA256_CTX state;
  Begin(&state);
  auto* bytes = reinterpret_cast<unsigned char*>(text);
  for (std::size_t left = size; left >= kBlock; left -= kBlock, bytes += kBlock)
    SHA256_Transform(&state, bytes);
  Finish(&state, bytes, size);
  WriteDigits(state, out);
}

}  // namespace millrace::expr_internal
