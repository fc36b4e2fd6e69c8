#include <fstream>
#include <map>
#include <random>

#include <arrow/api.h>
#include <arrow/compute/api.h>
#include <arrow/json/from_string.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>

#include "expr/expr.h"
#include "expr/place_codes.h"
#include "expr/sha256.h"

namespace millrace {
namespace {

using testing::HasSubstr;
using MaybeText = std::optional<std::string>;

std::string Sha256Of(std::string_view text) {
  std::string digest(EVP_MAX_MD_SIZE, '\0');
  unsigned size = 0;
  EVP_Digest(text.data(), text.size(), reinterpret_cast<unsigned char*>(digest.data()), &size, EVP_sha256(),
             nullptr);
  std::string hex;
  for (unsigned i = 0; i < size; ++i) {
    for (const int shift : {4, 0})
      hex += "0123456789abcdef"[(static_cast<unsigned char>(digest[i]) >> shift) & 15];
  }
  return hex;
}

std::shared_ptr<arrow::Array> Column(const std::vector<MaybeText>& texts) {
  arrow::StringBuilder builder;
  for (const MaybeText& text : texts) {
    EXPECT_TRUE((text.has_value() ? builder.Append(*text) : builder.AppendNull()).ok());
  }
  return *builder.Finish();
}

class HashFunctions : public testing::Test {
 protected:
  static void SetUpTestSuite() { ASSERT_TRUE(InitializeExpressions().ok()); }

  static Result<ExprValues> Evaluate(const std::string& text, const std::shared_ptr<arrow::Array>& column) {
    const auto schema = arrow::schema({arrow::field("x", column->type())});
    MR_ASSIGN_OR_RETURN(const Expr expr, ParseExpr(text));
    MR_ASSIGN_OR_RETURN(const BoundExpr bound, BoundExpr::Bind(expr, schema));
    EXPECT_TRUE(bound.type()->Equals(arrow::utf8()));
    return bound.Evaluate(*arrow::RecordBatch::Make(schema, column->length(), {column}));
  }

  /// The values of an expression on x, without failures.
  static std::vector<MaybeText> Hashed(const std::string& text, const std::shared_ptr<arrow::Array>& column) {
    const Result<ExprValues> values = Evaluate(text, column);
    EXPECT_TRUE(values.ok()) << text << ": " << values.status().message();
    if (!values.ok()) return {};
    EXPECT_TRUE(values->errors.empty()) << text;
    EXPECT_TRUE(values->values->ValidateFull().ok());
    const auto& strings = static_cast<const arrow::StringArray&>(*values->values);
    std::vector<MaybeText> out;
    for (std::int64_t row = 0; row < strings.length(); ++row) {
      out.push_back(strings.IsNull(row) ? std::nullopt : MaybeText(strings.GetString(row)));
    }
    return out;
  }

  static MaybeText Hashed(const std::string& text, const MaybeText& value) {
    return Hashed(text, Column({value})).at(0);
  }

  struct Case {
    const char* raw;
    const char* normalised;  // null: nothing to hash
  };

  static void Check(const std::string& text, std::initializer_list<Case> cases) {
    for (const Case& c : cases) {
      const MaybeText expected = c.normalised == nullptr ? std::nullopt : MaybeText(Sha256Of(c.normalised));
      EXPECT_EQ(Hashed(text, c.raw), expected) << text << " of '" << c.raw << "'";
    }
  }
};

const std::map<std::string, std::string> kFunctionOfField = {
    {"em", "snap_hash_email(x)"},
    {"ph", "snap_hash_phone(x)"},
    {"fn", "snap_hash_name(x)"},
    {"ln", "snap_hash_name(x)"},
    {"ge", "snap_hash_gender(x)"},
    {"ct", "snap_hash_city(x)"},
    {"st", "snap_hash_state(x)"},
    {"zp", "snap_hash_zip(x)"},
    {"country", "snap_hash_country(x)"},
    {"db", "snap_hash_birthday(x)"},
    {"external_id", "snap_hash_external_id(x)"},
    {"maid", "snap_hash_maid(x)"},
};

struct Vector {
  std::string field;
  MaybeText raw;
  MaybeText normalised;
  MaybeText hash;
};

std::vector<Vector> ReadVectors() {
  std::ifstream file("../../tests/vectors/normalise_sha256.tsv");
  std::vector<Vector> vectors;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with('#')) continue;
    std::vector<MaybeText> cells;
    for (std::size_t begin = 0; begin <= line.size();) {
      const std::size_t end = std::min(line.find('\t', begin), line.size());
      const std::string cell = line.substr(begin, end - begin);
      cells.push_back(cell == "null"          ? std::nullopt
                      : cell.starts_with('"') ? MaybeText(cell.substr(1, cell.size() - 2))
                                              : MaybeText(cell));
      begin = end + 1;
    }
    EXPECT_EQ(cells.size(), 4U) << line;
    vectors.push_back({*cells.at(0), cells.at(1), cells.at(2), cells.at(3)});
  }
  return vectors;
}

TEST_F(HashFunctions, GiveTheHashesOfTheVectors) {
  const std::vector<Vector> vectors = ReadVectors();
  ASSERT_EQ(vectors.size(), 37U + 8U);
  for (const Vector& vector : vectors) {
    const std::string shown = vector.field + " of '" + vector.raw.value_or("null") + "'";
    if (vector.normalised.has_value()) {
      EXPECT_EQ(Sha256Of(*vector.normalised), vector.hash) << shown;
    }
    if (vector.field == "ip") {
      EXPECT_EQ(Hashed("sha256(trim(x))", vector.raw), vector.hash) << shown;
      continue;
    }
    for (const auto& [field, function] : kFunctionOfField) {
      if (vector.field != field && vector.field != "any") continue;
      EXPECT_EQ(Hashed(function, vector.raw), vector.hash) << shown << " by " << function;
    }
  }
}

TEST_F(HashFunctions, PassOn64HexadecimalDigitsInLowerCase) {
  const std::string lower = Sha256Of("test123@gmail.com");
  std::string upper = lower;
  for (char& c : upper) c = static_cast<char>(std::toupper(c));
  for (const auto& [field, function] : kFunctionOfField) {
    EXPECT_EQ(Hashed(function, lower), lower) << function;
    EXPECT_EQ(Hashed(function, upper), lower) << function;
    EXPECT_EQ(Hashed(function, " " + lower + "\n"), lower) << function;
    // Also beside texts that are not ASCII, which take another way.
    EXPECT_EQ(Hashed(function, Column({upper, "é"})).at(0), lower) << function;
  }
  EXPECT_EQ(Hashed("sha256(x)", lower), Sha256Of(lower));
  Check("snap_hash_external_id(x)", {{"g0c779c04191c2e736d89e45c11339c8382832bcaf70383f7df94e3d08ba7a6d",
                                      "g0c779c04191c2e736d89e45c11339c8382832bcaf70383f7df94e3d08ba7a6d"}});
}

TEST_F(HashFunctions, AnEmailIsTrimmedAndLowerCaseAndKeepsWhatIsInside) {
  Check("snap_hash_email(x)",
        {{"\t A@B.C \r\n", "a@b.c"},
         {"a b@c.d", "a b@c.d"},
         {"First.Last+Tag@Gmail.com", "first.last+tag@gmail.com"},
         {"[@`{]^Z", "[@`{]^z"},
         {"\xc2\xa0JÖRG@BÜCHER.DE ", "jörg@bücher.de"},
         {"This.Is.A.Very.Long.Local.Part.That.Needs.Two.Blocks@Of.The.Hash.Example.Com",
          "this.is.a.very.long.local.part.that.needs.two.blocks@of.the.hash.example.com"}});
}

TEST_F(HashFunctions, APhoneNumberIsItsDigitsWithTheCountryCode) {
  Check("snap_hash_phone(x)", {{"+0044 20 7946 0958", "442079460958"},
                               {"++44 20 7946 0958", "442079460958"},
                               {"+44 (0)20 7946 0958", "442079460958"},
                               {"(+44) 020 7946 0958", "442079460958"},
                               {"tel:+1-706-767-5127", "17067675127"},
                               {"+1.415.555.1234", "14155551234"},
                               {"14155551234", "14155551234"},
                               {"+49 0171 1234567", "491711234567"},
                               {"+353 087 123 4567", "353871234567"},
                               {"+39 06 698 1234", "39066981234"},        // the zero is part of the number
                               {"+225 07 12 34 56 78", "2250712345678"},  // here too
                               {"+7 495 123-45-67", "74951234567"},
                               {"0171 1234567", "1711234567"},  // a zero: not North American
                               {"1711234567", "1711234567"},    // no area code begins with 1
                               {"4791234567", "4791234567"},    // no exchange begins with 1
                               {"+4155551234", "4155551234"},   // said to be international
                               {"+", nullptr},
                               {"n/a", nullptr},
                               {"000", nullptr},
                               {"0", nullptr}});
}

TEST_F(HashFunctions, ANationalPhoneNumberGetsTheCountryCodeThatIsGiven) {
  Check("snap_hash_phone(x, '44')", {{"020 7946 0958", "442079460958"},
                                     {"(020) 7946-0958", "442079460958"},
                                     {"20 7946 0958", "442079460958"},
                                     {"442079460958", "442079460958"},
                                     {"4402079460958", "442079460958"},
                                     {"+1 415 555 1234", "14155551234"},
                                     {"0044 20 7946 0958", "442079460958"},
                                     {"0", nullptr},
                                     {"", nullptr}});
  Check("snap_hash_phone(x, '1')", {{"(415) 555-1234", "14155551234"}, {"1 415 555 1234", "14155551234"}});
  Check("snap_hash_phone(x, '91')", {{"91234 56789", "919123456789"}, {"919123456789", "919123456789"}});
  Check("snap_hash_phone(x, '+39')", {{"06 698 1234", "39066981234"}});
  Check("snap_hash_phone(x, '353')", {{"087 123 4567", "353871234567"}});
}

TEST_F(HashFunctions, ACountryCodeThatIsNoneIsRefused) {
  for (const char* code : {"", "+", "GB", "044", "0", "441", "4", "35", "3530", "12", " 44"}) {
    const auto values = Evaluate("snap_hash_phone(x, '" + std::string(code) + "')", Column({"1"}));
    ASSERT_FALSE(values.ok()) << code;
    EXPECT_THAT(values.status().message(), HasSubstr("'" + std::string(code) + "' is no country code"))
        << code;
  }
  EXPECT_FALSE(Evaluate("snap_hash_phone(x, x)", Column({"1"})).ok());
}

TEST_F(HashFunctions, ANameLosesPunctuationAndKeepsItsLetters) {
  Check("snap_hash_name(x)", {{" Jean-Luc ", "jeanluc"},
                              {"O'Brien", "obrien"},
                              {"O\u2019Brien", "obrien"},
                              {"Mary Ann", "mary ann"},
                              {"J. R.", "j r"},
                              {"- Max -", "max"},
                              {"RAPHAËL", "raphaël"},
                              {"Raphae\u0308l", "raphaël"},  // composed first
                              {"\u00abΆννα\u00bb", "άννα"},
                              {"...", nullptr},
                              {"\u2019", nullptr}});
}

TEST_F(HashFunctions, AGenderIsOneLetterOrNothing) {
  Check("snap_hash_gender(x)", {{"M", "m"},
                                {"male", "m"},
                                {"Man", "m"},
                                {" F ", "f"},
                                {"FEMALE", "f"},
                                {"woman", "f"},
                                {"x", nullptr},
                                {"mfm", nullptr}});
}

TEST_F(HashFunctions, PlacesAreLowerCaseWithoutSpacesAndNamesBecomeCodes) {
  Check("snap_hash_city(x)", {{" New  York ", "newyork"}, {"ZÜRICH", "zürich"}, {"St. Louis", "st.louis"}});
  Check("snap_hash_zip(x)", {{"SW1A 1AA", "sw1a1aa"}, {"94101-1234", "94101-1234"}});
  Check("snap_hash_state(x)",
        {{"California", "ca"}, {"NEW YORK", "ny"}, {"Québec", "qc"}, {"tx", "tx"}, {"Bayern", "bayern"}});
  Check("snap_hash_country(x)", {{"india", "in"},
                                 {"USA", "us"},
                                 {"United States", "us"},
                                 {"U.S.A.", "us"},
                                 {"Côte d'Ivoire", "ci"},
                                 {"Ivory Coast", "ci"},
                                 {"ÖSTERREICH", "at"},
                                 {"Türkiye", "tr"},
                                 {"de", "de"},
                                 {"Atlantis", "atlantis"},
                                 {"\u4e2d\u56fd\u5927\u9646", "\u4e2d\u56fd\u5927\u9646"}});
}

TEST_F(HashFunctions, ABirthdayIsYearMonthDayOrNothing) {
  Check("snap_hash_birthday(x)", {{"19900517", "19900517"},
                                  {"1990-05-17", "19900517"},
                                  {"1990/5/7", "19900507"},
                                  {"1990.12.31", "19901231"},
                                  {"1990-05-17T10:00:00Z", "19900517"},
                                  {"2000-02-29", "20000229"},
                                  {"1900-02-29", nullptr},
                                  {"17.05.1990", nullptr},
                                  {"05/17/1990", nullptr},
                                  {"1990-05/17", nullptr},
                                  {"1990-13-01", nullptr},
                                  {"1990", nullptr},
                                  {"199005", nullptr},
                                  {"1990-05-171", nullptr},
                                  {"0000-01-01", nullptr}});
}

TEST_F(HashFunctions, IdsKeepTheirLettersButThatOfAnAdvertisingId) {
  Check("snap_hash_external_id(x)", {{" User-123 ", "User-123"}, {"a b", "a b"}});
  Check("snap_hash_maid(x)",
        {{"00000000-0000-0000-0000-000000000000", nullptr},
         {" AEBE52E7-03EE-455A-B3C4-E57283966239 ", "aebe52e7-03ee-455a-b3c4-e57283966239"}});
}

TEST_F(HashFunctions, OfAListAreThoseOfItsTextsWithoutTheEmptyOnes) {
  const auto type = arrow::list(arrow::utf8());
  const auto lists = *arrow::json::ArrayFromJSONString(
      type, R"([["before"], ["A@b.c", " ", null, "d@e.f"], [], null, [""], ["g@h.i"], ["behind"]])");
  const auto hash = [](const char* text) { return "\"" + Sha256Of(text) + "\""; };
  const auto expected = *arrow::json::ArrayFromJSONString(
      type, "[[" + hash("a@b.c") + "," + hash("d@e.f") + "], null, null, null, [" + hash("g@h.i") + "]]");
  const auto schema = arrow::schema({arrow::field("x", type)});
  const auto bound = BoundExpr::Bind(*ParseExpr("snap_hash_email(x)"), schema);
  ASSERT_TRUE(bound.ok()) << bound.status().message();
  EXPECT_TRUE(bound->type()->Equals(type));
  const auto values = bound->Evaluate(*arrow::RecordBatch::Make(schema, 5, {lists->Slice(1, 5)}));
  ASSERT_TRUE(values.ok()) << values.status().message();
  ASSERT_TRUE(values->values->ValidateFull().ok());
  EXPECT_TRUE(values->values->Equals(expected)) << values->values->ToString();

  const auto numbers = arrow::schema({arrow::field("x", arrow::list(arrow::int64()))});
  EXPECT_THAT(BoundExpr::Bind(*ParseExpr("snap_hash_email(x)"), numbers).status().message(),
              HasSubstr("a string or list of strings"));
}

TEST_F(HashFunctions, NeverShowATextThatFails) {
  // Bytes that are no UTF-8, which Arrow refuses: the message must not repeat them.
  const auto values = Evaluate("snap_hash_email(x)", Column({"secret@example.com\xff", "a@b.c"}));
  ASSERT_TRUE(values.ok()) << values.status().message();
  ASSERT_EQ(values->errors.size(), 1U);
  EXPECT_EQ(values->errors[0].row, 0);
  EXPECT_THAT(values->errors[0].message, testing::Not(HasSubstr("secret")));
  EXPECT_EQ(static_cast<const arrow::StringArray&>(*values->values).GetString(1), Sha256Of("a@b.c"));
}

TEST_F(HashFunctions, TakeEveryLayoutOfStringsAndSlices) {
  const auto plain = Column({"skipped", " A@b.c", std::nullopt, "", "+44 844 412 4653", "É@b.c", "last"});
  const std::vector<MaybeText> expected = {Sha256Of("a@b.c"), std::nullopt, std::nullopt,
                                           Sha256Of("+44 844 412 4653"), Sha256Of("é@b.c")};
  for (const auto& type : {arrow::utf8(), arrow::large_utf8(), arrow::utf8_view(),
                           arrow::dictionary(arrow::int32(), arrow::utf8())}) {
    const auto column = arrow::compute::Cast(*plain, type);
    ASSERT_TRUE(column.ok()) << type->ToString() << column.status().ToString();
    EXPECT_EQ(Hashed("snap_hash_email(x)", (*column)->Slice(1, 5)), expected) << type->ToString();
  }
  EXPECT_TRUE(Hashed("snap_hash_email(x)", Column({})).empty());
  EXPECT_EQ(Hashed("snap_hash_email(x)", std::make_shared<arrow::NullArray>(2)),
            (std::vector<MaybeText>{std::nullopt, std::nullopt}));
}

TEST_F(HashFunctions, OfABatchAreThoseOfItsRows) {
  std::mt19937 random(7);  // NOLINT(cert-msc51-cpp): the same texts in every run
  const std::vector<std::string> pieces = {" ", "A", "é",      "@x.de", "0",         "+4",
                                           "-", "7", "\u2019", "M",     "1990-05-17"};
  std::vector<MaybeText> texts;
  for (int i = 0; i < 400; ++i) {
    std::string text;
    for (auto k = random() % 12; k > 0; --k) text += pieces[random() % pieces.size()];
    texts.push_back(random() % 8 == 0 ? std::nullopt : MaybeText(text));
  }
  const auto column = Column(texts);
  for (const auto& [field, function] : kFunctionOfField) {
    const std::vector<MaybeText> all = Hashed(function, column);
    for (std::size_t row = 0; row < texts.size(); ++row) {
      EXPECT_EQ(Hashed(function, texts[row]), all[row])
          << function << " of '" << texts[row].value_or("null") << "'";
    }
  }
}

TEST(Sha256Hex, IsThatOfOpensslForEveryLengthAroundTheBlocks) {
  std::string text;
  std::string hex(expr_internal::kSha256HexSize, '\0');
  for (int length = 0; length < 300; ++length) {
    expr_internal::Sha256Hex(text, hex.data());
    EXPECT_EQ(hex, Sha256Of(text)) << length;
    std::string room = text + std::string(expr_internal::kSha256Padding, 'x');
    expr_internal::Sha256HexInPlace(room.data(), text.size(), hex.data());
    EXPECT_EQ(hex, Sha256Of(text)) << length;
    text += static_cast<char>(length * 37);
  }
}

TEST(PlaceCodes, KnowCountriesAndStates) {
  EXPECT_EQ(expr_internal::CountryCode("deu"), "de");
  EXPECT_EQ(expr_internal::CountryCode("southkorea"), "kr");
  EXPECT_EQ(expr_internal::CountryCode("de"), "");
  EXPECT_EQ(expr_internal::StateCode("districtofcolumbia"), "dc");
  EXPECT_EQ(expr_internal::StateCode("yukon"), "yt");
  EXPECT_EQ(expr_internal::StateCode(""), "");
}

}  // namespace
}  // namespace millrace
