#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstring>

#include <arrow/api.h>
#include <openssl/evp.h>

#include "expr/function.h"
#include "expr/hash_rows.h"
#include "expr/phone_number.h"
#include "expr/place_codes.h"
#include "expr/sha256.h"
#include "expr/string_rows.h"

namespace millrace::expr_internal {
namespace {

using arrow::Datum;

// Normalisers of HashRows: (text, out) -> end of what was written.

char LowerAscii(char c) { return static_cast<char>(c + (static_cast<unsigned char>(c - 'A') < 26 ? 32 : 0)); }

char* AsIs(std::string_view text, char* out) {
  std::memcpy(out, text.data(), text.size());
  return out + text.size();
}

/// One instruction each on 16 bytes at a time.
void Lower16(char* bytes) {
  for (std::size_t k = 0; k < 16; ++k) bytes[k] = LowerAscii(bytes[k]);
}

char* Lower(std::string_view text, char* out) {
  constexpr std::size_t kStep = 16;
  static_assert(kStep <= kNormalisedSlack);
  const std::size_t size = text.size();
  if (size < kStep) {
    std::memcpy(out, text.data(), size);
    Lower16(out);
    return out + size;
  }
  for (std::size_t i = 0; i + kStep < size; i += kStep) {
    std::memcpy(out + i, text.data() + i, kStep);
    Lower16(out + i);
  }
  // The last step ends with the text, over bytes that have been done already.
  std::memcpy(out + size - kStep, text.data() + size - kStep, kStep);
  Lower16(out + size - kStep);
  return out + size;
}

char* LowerWithoutSpaces(std::string_view text, char* out) {
  for (const char c : text) {
    *out = LowerAscii(c);
    out += c == ' ' || (c >= '\t' && c <= '\r') ? 0 : 1;
  }
  return out;
}

/// For each byte what a name keeps of it: lower case, 0 for punctuation and symbols, white space as ' '.
constexpr std::array<char, 256> NameBytes() {
  std::array<char, 256> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const bool digit = i >= '0' && i <= '9';
    const bool upper = i >= 'A' && i <= 'Z';
    const bool kept = digit || upper || (i >= 'a' && i <= 'z') || i >= 0x80;
    bytes[i] = static_cast<char>(upper ? i + 32 : kept ? i : 0);
  }
  for (const char space : {' ', '\t', '\n', '\v', '\f', '\r'}) bytes[static_cast<std::size_t>(space)] = ' ';
  return bytes;
}

char* Name(std::string_view text, char* out) {
  static constexpr std::array<char, 256> kBytes = NameBytes();
  char* end = out;
  for (const char c : text) {
    *end = kBytes[static_cast<unsigned char>(c)];
    end += *end != 0 ? 1 : 0;
  }
  const std::string_view kept = TrimmedText({out, static_cast<std::size_t>(end - out)});
  std::memmove(out, kept.data(), kept.size());
  return out + kept.size();
}

char* Gender(std::string_view text, char* out) {
  const std::string_view word(out, static_cast<std::size_t>(Lower(text, out) - out));
  if (word == "m" || word == "male" || word == "man") {
    *out = 'm';
  } else if (word == "f" || word == "female" || word == "woman") {
    *out = 'f';
  } else {
    return out;
  }
  return out + 1;
}

/// Letters a to z of a lower-case text, those with an accent without it: how places are looked up.
std::string_view PlaceName(std::string_view text, char* out) {
  static constexpr std::string_view kLatin = "aaaaaaaceeeeiiiidnooooo ouuuuyty";  // U+00E0 to U+00FF
  char* end = out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte >= 'a' && byte <= 'z') {
      *end++ = text[i];
    } else if (byte == 0xc3 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) >= 0xa0) {
      *end++ = kLatin[static_cast<unsigned char>(text[++i]) - 0xa0U];
    }
  }
  return {out, static_cast<std::size_t>(end - out)};
}

/// The code that `find` knows for the text, else the text in lower case without spaces.
template <typename Find>
char* Place(std::string_view text, char* out, const Find& find) {
  char* const end = LowerWithoutSpaces(text, out);
  const std::string_view place(out, static_cast<std::size_t>(end - out));
  constexpr std::size_t kCodeSize = 2;
  constexpr std::size_t kLongestName = 64;
  if (place.size() <= kCodeSize || place.size() > kLongestName) return end;
  std::array<char, kLongestName> name;
  const std::string_view code = find(PlaceName(place, name.data()));
  if (code.empty()) return end;
  return AsIs(code, out);
}

char* Country(std::string_view text, char* out) {
  char* const end = Place(text, out, CountryCode);
  // What all but ISO 3166 call the United Kingdom.
  const bool uk = std::string_view(out, static_cast<std::size_t>(end - out)) == "uk";
  return uk ? AsIs("gb", out) : end;
}
char* State(std::string_view text, char* out) { return Place(text, out, StateCode); }

/// Reads up to `digits` digits into `number`; false when there are fewer than `least`.
bool TakeNumber(std::string_view* text, std::size_t least, std::size_t digits, unsigned* number) {
  std::size_t count = 0;
  *number = 0;
  while (count < digits && count < text->size() && (*text)[count] >= '0' && (*text)[count] <= '9') {
    *number = *number * 10 + static_cast<unsigned>((*text)[count++] - '0');
  }
  text->remove_prefix(count);
  return count >= least;
}

void PutDigits(unsigned number, std::size_t digits, char* out) {
  for (std::size_t i = digits; i > 0; --i, number /= 10) out[i - 1] = static_cast<char>('0' + number % 10);
}

/// YYYYMMDD of a date that begins with the year, with or without one kind of separator; a time may follow.
char* Birthday(std::string_view text, char* out) {
  unsigned year = 0;
  unsigned month = 0;
  unsigned day = 0;
  if (!TakeNumber(&text, 4, 4, &year) || text.empty()) return out;
  const char separator = text.front();
  const bool separated = separator == '-' || separator == '/' || separator == '.';
  const std::size_t least = separated ? 1 : 2;
  if (separated) text.remove_prefix(1);
  if (!TakeNumber(&text, least, 2, &month)) return out;
  if (separated && !text.starts_with(separator)) return out;
  if (separated) text.remove_prefix(1);
  if (!TakeNumber(&text, least, 2, &day)) return out;
  if (!text.empty() && text.front() != 'T' && text.front() != ' ') return out;
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(year)), std::chrono::month(month),
                                         std::chrono::day(day)};
  if (year == 0 || !date.ok()) return out;
  PutDigits(year, 4, out);
  PutDigits(month, 2, out + 4);
  PutDigits(day, 2, out + 6);
  return out + 8;
}

/// An id of zeros and hyphens is what a device gives that does not want to be followed.
char* MobileAdId(std::string_view text, char* out) {
  return text.find_first_not_of("0-") == std::string_view::npos ? out : Lower(text, out);
}

/// `kernel` on the texts of lists: of each row those that are not null then; null when there is none.
arrow::Result<Datum> HashLists(const Kernel& kernel, const KernelCall& call) {
  ARROW_ASSIGN_OR_RAISE(const auto lists, Argument<arrow::ListType>::Make(call.arguments[0]));
  std::vector<Datum> arguments(call.arguments.begin(), call.arguments.end());
  arguments[0] = lists.array().values();
  ARROW_ASSIGN_OR_RAISE(const Datum made, kernel({.arguments = arguments,
                                                  .num_rows = lists.array().values()->length(),
                                                  .failures = call.failures}));
  const auto hashes = std::static_pointer_cast<arrow::StringArray>(made.make_array());
  auto texts = std::make_shared<arrow::StringBuilder>();
  arrow::ListBuilder out(arrow::default_memory_pool(), texts, call.arguments[0].type());
  for (std::int64_t row = 0; row < call.num_rows; ++row) {
    const std::int64_t at = call.arguments[0].is_scalar() ? 0 : row;
    const std::int64_t begin = lists.array().value_offset(at);
    const std::int64_t end = begin + lists.array().value_length(at);
    bool any = false;
    for (std::int64_t i = begin; i < end && !lists.IsNull(row); ++i) {
      if (hashes->IsNull(i)) continue;
      if (!std::exchange(any, true)) ARROW_RETURN_NOT_OK(out.Append());
      ARROW_RETURN_NOT_OK(texts->Append(hashes->GetView(i)));
    }
    if (!any) ARROW_RETURN_NOT_OK(out.AppendNull());
  }
  ARROW_ASSIGN_OR_RAISE(auto array, out.Finish());
  return Datum(array);
}

/// A kernel of texts that takes lists of texts, too.
Kernel WithLists(Kernel kernel) {
  return [kernel = std::move(kernel)](const KernelCall& call) {
    const bool lists = call.arguments[0].type()->id() == arrow::Type::LIST;
    return lists ? HashLists(kernel, call) : kernel(call);
  };
}

template <char* (*normalise)(std::string_view, char*)>
Kernel HashKernel(Folding folding) {
  return WithLists([folding](const KernelCall& call) {
    return HashRows(call, folding, [](std::string_view text, char* out) { return normalise(text, out); });
  });
}

arrow::Result<Datum> HashPhone(const KernelCall& call) {
  std::string code = call.arguments.size() > 1 ? OptionText(call.arguments[1]) : "";
  if (code.starts_with('+')) code.erase(0, 1);
  const bool is_code = !code.empty() && code[0] != '0' &&
                       code.find_first_not_of("0123456789") == std::string::npos &&
                       CountryCodeLength(code + "000") == code.size();
  if (call.arguments.size() > 1 && !is_code) {
    return arrow::Status::Invalid("'", OptionText(call.arguments[1]),
                                  "' is no country code; write its digits, such as '44'");
  }
  return HashRows(call, Folding::kNone,
                  [&](std::string_view text, char* out) { return NormalisePhone(text, code, out); });
}

arrow::Result<Datum> Sha256(const KernelCall& call) {
  ARROW_ASSIGN_OR_RAISE(const auto texts, Argument<arrow::StringType>::Make(call.arguments[0]));
  ARROW_ASSIGN_OR_RAISE(HashColumn column, HashColumn::Make(call.num_rows));
  for (std::int64_t row = 0; row < call.num_rows; ++row) {
    if (texts.IsNull(row)) {
      column.AppendNull();
    } else {
      Sha256Hex(texts[row], column.next());
      column.Append();
    }
  }
  return column.Finish();
}

arrow::Result<Datum> Md5(const KernelCall& call) {
  return MapToString<arrow::StringType>(
      call, [](std::int64_t, auto* out, std::string_view text) -> arrow::Status {
        std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
        unsigned int size = 0;
        if (EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_md5(), nullptr) != 1) {
          return arrow::Status::UnknownError("OpenSSL refuses this hash");
        }
        constexpr std::string_view kDigits = "0123456789abcdef";
        std::string hex;
        for (unsigned int i = 0; i < size; ++i) {
          hex += kDigits[digest[i] >> 4U];
          hex += kDigits[digest[i] & 15U];
        }
        return out->Append(hex);
      });
}

ScalarFunction TextHash(std::string name, std::string normalised, std::string example, Kernel kernel) {
  ScalarFunction function;
  function.signature = name + "(string or list of strings) -> the same";
  function.name = std::move(name);
  function.summary =
      "SHA-256 in hexadecimal of " + std::move(normalised) +
      "; 64 hexadecimal digits pass through in lower case, what is empty then is null, and not in a list.";
  function.example = std::move(example);
  function.params = {Param::kStringOrStrings};
  function.required = 1;
  function.kernel = std::move(kernel);
  return function;
}

std::vector<ScalarFunction> PlainHashes() {
  using P = Param;
  return {
      {"md5",
       "md5(string) -> string",
       "MD5 of the UTF-8 bytes in hexadecimal.",
       "md5('a') = '0cc175b9c0f1b6a831c399e269772661'",
       {P::kString},
       1,
       false,
       Md5},
      {"sha256",
       "sha256(string) -> string",
       "SHA-256 of the UTF-8 bytes in hexadecimal.",
       "left(sha256('a'), 8) = 'ca978112'",
       {P::kString},
       1,
       false,
       Sha256},
  };
}

ScalarFunction PhoneHash() {
  using P = Param;
  return {
      "snap_hash_phone",
      "snap_hash_phone(string or list of strings [, constant country code]) -> the same",
      "SHA-256 in hexadecimal of a phone number's digits with the country code first, without +, 00 and the "
      "0 "
      "before an area code. The second argument is the code of numbers without + or 00, unless they begin "
      "with "
      "it and have more than ten digits; without it they are taken as they are, and get a 1 when they are "
      "ten "
      "digits in the form of a North American number. 64 hexadecimal digits pass through in lower case, what "
      "has "
      "no digits is null, and not in a list.",
      "snap_hash_phone('0844 412 4653', '44') = sha256('448444124653')",
      {P::kStringOrStrings, P::kOptionString},
      1,
      false,
      WithLists(HashPhone)};
}

}  // namespace

std::vector<ScalarFunction> HashFunctions() {
  const std::vector<ScalarFunction> snap = {
      PhoneHash(),
      TextHash("snap_hash_email", "an e-mail address without spaces around it, in lower case",
               "snap_hash_email(' Person@Example.com') = sha256('person@example.com')",
               HashKernel<Lower>(Folding::kLower)),
      TextHash("snap_hash_name", "a first or last name in lower case, without punctuation",
               "snap_hash_name('O''Brien') = sha256('obrien')", HashKernel<Name>(Folding::kLowerNoMarks)),
      TextHash("snap_hash_gender", "m (m, male, man) or f (f, female, woman), of nothing else",
               "snap_hash_gender('Female') = sha256('f')", HashKernel<Gender>(Folding::kNone)),
      TextHash("snap_hash_city", "a city in lower case, without spaces",
               "snap_hash_city('San Francisco') = sha256('sanfrancisco')",
               HashKernel<LowerWithoutSpaces>(Folding::kLower)),
      TextHash(
          "snap_hash_state",
          "the two letters of a state in lower case (full names in the United States and Canada are known), "
          "of others the name without spaces",
          "snap_hash_state('California') = sha256('ca')", HashKernel<State>(Folding::kLower)),
      TextHash("snap_hash_zip", "a postal code in lower case, without spaces",
               "snap_hash_zip('SW1A 1AA') = sha256('sw1a1aa')",
               HashKernel<LowerWithoutSpaces>(Folding::kLower)),
      TextHash(
          "snap_hash_country",
          "the ISO 3166-1 alpha-2 code of a country in lower case (English names, UK and alpha-3 codes are "
          "known), "
          "of others the name without spaces",
          "snap_hash_country('Germany') = sha256('de')", HashKernel<Country>(Folding::kLower)),
      TextHash("snap_hash_birthday", "a date that begins with the year as YYYYMMDD, of nothing else",
               "snap_hash_birthday('1990-05-17') = sha256('19900517')", HashKernel<Birthday>(Folding::kNone)),
      TextHash("snap_hash_external_id", "an id without spaces around it",
               "snap_hash_external_id('user-123') = sha256('user-123')", HashKernel<AsIs>(Folding::kNone)),
      TextHash("snap_hash_maid",
               "a mobile advertising id in lower case (for audiences; conversion events take it unhashed), "
               "of zeros "
               "none",
               "snap_hash_maid('F81D4FAE-7DEC') = sha256('f81d4fae-7dec')",
               HashKernel<MobileAdId>(Folding::kNone)),
  };
  return Concatenated({PlainHashes(), snap});
}

}  // namespace millrace::expr_internal
