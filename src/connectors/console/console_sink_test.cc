#include "connectors/console/console_sink.h"

#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <arrow/api.h>
#include <gtest/gtest.h>

namespace millrace {
namespace {

/// "<symbol>=<price>" per row.
class PlainEncoder final : public Encoder {
 public:
  Status Encode(const arrow::RecordBatch& rows, EncodedRows* out) override {
    *out = EncodedRows{};
    out->offsets.push_back(0);
    for (std::int64_t i = 0; i < rows.num_rows(); ++i) {
      out->bytes +=
          (*rows.column(0)->GetScalar(i))->ToString() + "=" + (*rows.column(1)->GetScalar(i))->ToString();
      out->offsets.push_back(static_cast<std::int64_t>(out->bytes.size()));
    }
    return Status::Ok();
  }
};

const std::shared_ptr<arrow::Schema>& RowSchema() {
  static const auto schema =
      arrow::schema({arrow::field("symbol", arrow::utf8()), arrow::field("price", arrow::int64())});
  return schema;
}

Batch Rows(const std::vector<std::pair<std::string, std::int64_t>>& rows) {
  arrow::StringBuilder symbols;
  arrow::Int64Builder prices;
  for (const auto& [symbol, price] : rows) {
    EXPECT_TRUE(symbols.Append(symbol).ok());
    EXPECT_TRUE((price < 0 ? prices.AppendNull() : prices.Append(price)).ok());
  }
  Batch batch;
  batch.data = arrow::RecordBatch::Make(RowSchema(), static_cast<std::int64_t>(rows.size()),
                                        {*symbols.Finish(), *prices.Finish()});
  return batch;
}

class ConsoleSinkTest : public testing::Test {
 protected:
  std::unique_ptr<Sink> Table(std::int64_t limit = 0) {
    return MakeConsoleTableSink(RowSchema(), std::make_shared<ConsoleOutput>(&out_, limit));
  }
  std::unique_ptr<Sink> Lines() {
    return MakeConsoleLineSink(std::make_unique<PlainEncoder>(), std::make_shared<ConsoleOutput>(&out_, 0));
  }
  std::ostringstream out_;
  SinkContext context_;
};

TEST_F(ConsoleSinkTest, PrintsATableWithNumbersToTheRight) {
  const auto sink = Table();
  ASSERT_TRUE(sink->Write(Rows({{"AAPL", 5}, {"B", 1000000}, {"C", -1}}), context_).ok());
  ASSERT_TRUE(sink->Commit().ok());
  EXPECT_EQ(out_.str(),
            "symbol    price\n"
            "------  -------\n"
            "AAPL          5\n"
            "B       1000000\n"
            "C          null\n");
}

TEST_F(ConsoleSinkTest, PrintsNothingBeforeTheCommitAndNothingThatWasRolledBack) {
  const auto sink = Lines();
  ASSERT_TRUE(sink->Write(Rows({{"A", 1}}), context_).ok());
  EXPECT_EQ(out_.str(), "");
  ASSERT_TRUE(sink->Commit().ok());
  EXPECT_EQ(out_.str(), "A=1\n");
  ASSERT_TRUE(sink->Write(Rows({{"B", 2}}), context_).ok());
  ASSERT_TRUE(sink->Rollback().ok());
  ASSERT_TRUE(sink->Commit().ok());
  EXPECT_EQ(out_.str(), "A=1\n");
}

TEST_F(ConsoleSinkTest, StopsPrintingAtTheLimit) {
  const auto sink = Table(2);
  ASSERT_TRUE(sink->Write(Rows({{"A", 1}, {"B", 2}, {"C", 3}}), context_).ok());
  ASSERT_TRUE(sink->Write(Rows({{"D", 4}}), context_).ok());
  ASSERT_TRUE(sink->Commit().ok());
  EXPECT_EQ(out_.str(), "symbol  price\n------  -----\nA           1\nB           2\n");
}

TEST_F(ConsoleSinkTest, KeepsACellOnOneLineAndWithinItsWidth) {
  const auto sink = Table();
  ASSERT_TRUE(sink->Write(Rows({{"two\nlines", 1}, {std::string(50, 'x') + "ü", 2}}), context_).ok());
  ASSERT_TRUE(sink->Commit().ok());
  EXPECT_NE(out_.str().find("two lines "), std::string::npos);
  EXPECT_NE(out_.str().find(std::string(39, 'x') + "…      2\n"), std::string::npos) << out_.str();
}

TEST_F(ConsoleSinkTest, SaysWhenNobodyTakesTheOutput) {
  const auto sink = Lines();
  ASSERT_TRUE(sink->Write(Rows({{"A", 1}}), context_).ok());
  out_.setstate(std::ios::badbit);
  EXPECT_EQ(sink->Commit().code(), StatusCode::kIo);
}

}  // namespace
}  // namespace millrace
