#include "codec/json/json_number.h"

#include <array>
#include <cstdlib>
#include <random>
#include <string>

#include <gtest/gtest.h>

namespace millrace::json {
namespace {

/// `text` between a sentinel and readable bytes, as the parser has it.
std::string Padded(const std::string& text) { return text + "}" + std::string(64, '7'); }

TEST(JsonNumber, DigitRunsStopAtTheFirstOtherByte) {
  for (int byte = 0; byte < 256; ++byte) {
    if (byte >= '0' && byte <= '9') continue;
    for (std::size_t count = 0; count < 8; ++count) {
      std::string text = std::string("12345678").substr(0, count) + static_cast<char>(byte) + "99999999";
      const DigitRun run = ReadDigits(text.data());
      ASSERT_EQ(run.count, static_cast<int>(count)) << byte;
      ASSERT_EQ(run.value, count == 0 ? 0 : std::stoull(text.substr(0, count))) << byte;
    }
  }
  EXPECT_EQ(ReadDigits("00000000").value, 0U);
  EXPECT_EQ(ReadDigits("99999999").value, 99'999'999U);
}

TEST(JsonNumber, IntegersOfEveryLengthReadExactly) {
  std::mt19937_64 random(7);
  for (int i = 0; i < 200'000; ++i) {
    const auto value = static_cast<std::int64_t>(random()) >> (random() % 64);
    const std::string text = Padded(std::to_string(value));
    std::int64_t read = 0;
    const char* end = ReadInt64(text.data(), &read);
    ASSERT_NE(end, nullptr) << value;
    ASSERT_EQ(*end, '}');
    ASSERT_EQ(read, value);
  }
  for (const char* text : {"", "-", "01", "-01", "1.0", "1e2", "9223372036854775808", "-9223372036854775809",
                           "99999999999999999999", "1000000000000000000000000000", "x", " 1"}) {
    std::int64_t read = 0;
    EXPECT_EQ(ReadInt64(Padded(text).data(), &read), nullptr) << text;
  }
}

TEST(JsonNumber, DoublesRoundLikeStrtod) {
  std::mt19937_64 random(11);
  const auto digits = [&random](std::size_t most) {
    std::string out;
    for (std::size_t count = 1 + random() % most; count > 0; --count)
      out.push_back(static_cast<char>('0' + random() % 10));
    return out;
  };
  const auto whole = [&digits](std::size_t most) {
    const std::string out = digits(most);
    return out[0] == '0' ? std::string("0") : out;
  };
  for (int i = 0; i < 300'000; ++i) {
    std::string number = (i % 3 == 0 ? "-" : "") + whole(i % 5 == 0 ? 25 : 9);
    if (i % 4 != 0) number += "." + digits(i % 7 == 0 ? 30 : 9);
    if (i % 6 == 0) number += "e" + std::to_string(static_cast<int>(random() % 660) - 340);
    const std::string text = Padded(number);
    double read = 0;
    if (const char* end = ReadShortFloat64(text.data(), &read); end != nullptr) {
      ASSERT_EQ(end, text.data() + number.size()) << number;
      ASSERT_EQ(read, std::strtod(number.c_str(), nullptr)) << number;
    }
    const double expected = std::strtod(number.c_str(), nullptr);
    const bool fits = ReadFloat(text.data(), text.data() + number.size(), &read);
    ASSERT_EQ(fits, std::abs(expected) <= std::numeric_limits<double>::max()) << number;
    if (fits) {
      ASSERT_EQ(std::bit_cast<std::uint64_t>(read), std::bit_cast<std::uint64_t>(expected)) << number;
    }
    float narrow = 0;
    const float expected_narrow = std::strtof(number.c_str(), nullptr);
    ASSERT_EQ(ReadFloat(text.data(), text.data() + number.size(), &narrow),
              std::abs(expected_narrow) <= std::numeric_limits<float>::max())
        << number;
  }
}

TEST(JsonNumber, HalfwayCasesRoundToEven) {
  const std::pair<const char*, double> cases[] = {
      {"9007199254740993", 9007199254740992.0},
      {"9007199254740993.0", 9007199254740992.0},
      {"9007199254740993.00000000000000000000000000001", 9007199254740994.0},
      {"9007199254740995", 9007199254740996.0},
      {"2.2250738585072011e-308", 2.2250738585072011e-308},
      {"2.4703282292062327208e-324", 0.0},
      {"2.4703282292062327209e-324", 5e-324},
      {"1.7976931348623158e308", 1.7976931348623157e308},
      {"1e23", 1e23},
      {"8.5", 8.5}};
  for (const auto& [text, expected] : cases) {
    double read = 0;
    const std::string_view view = text;
    ASSERT_TRUE(ReadFloat(view.data(), view.data() + view.size(), &read)) << text;
    EXPECT_EQ(read, expected) << text;
  }
}

TEST(JsonNumber, DecimalsAreExactOrRefused) {
  struct Case {
    const char* text;
    int precision;
    int scale;
    DecimalFit fit;
    const char* digits;
  };
  for (const Case& c : {
           Case{"0", 5, 2, DecimalFit::kOk, ""},
           {"-0.000", 5, 2, DecimalFit::kOk, ""},
           {"1", 5, 2, DecimalFit::kOk, "100"},
           {"-12.3", 5, 2, DecimalFit::kOk, "1230"},
           {"0.05", 5, 2, DecimalFit::kOk, "5"},
           {"0.05000", 5, 2, DecimalFit::kOk, "5"},
           {"5e-2", 5, 2, DecimalFit::kOk, "5"},
           {"0.0005e2", 5, 2, DecimalFit::kOk, "5"},
           {"123.4e-1", 5, 2, DecimalFit::kOk, "1234"},
           {"99.9E1", 5, 2, DecimalFit::kOk, "99900"},
           {"1e3", 5, 2, DecimalFit::kTooLarge, ""},
           {"999.995", 5, 2, DecimalFit::kTooManyDecimals, ""},
           {"0.001", 5, 2, DecimalFit::kTooManyDecimals, ""},
           {"1e-99999999999", 5, 2, DecimalFit::kTooManyDecimals, ""},
           {"1e99999999999", 5, 2, DecimalFit::kTooLarge, ""},
           {"1x", 5, 2, DecimalFit::kNotANumber, ""},
           {"", 5, 2, DecimalFit::kNotANumber, ""},
       }) {
    DecimalDigits digits;
    const std::string_view text = c.text;
    ASSERT_EQ(ReadDecimal(text.data(), text.data() + text.size(), c.precision, c.scale, &digits), c.fit)
        << c.text;
    if (c.fit != DecimalFit::kOk) continue;
    EXPECT_EQ(std::string(digits.digits, static_cast<std::size_t>(digits.count)), c.digits) << c.text;
    EXPECT_EQ(digits.negative, text[0] == '-') << c.text;
  }
}

}  // namespace
}  // namespace millrace::json
