#include "runtime/chain.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace millrace {
namespace {

using Texts = std::map<std::string, std::string>;

/// Remembers what it was told to recover.
class RecoveringSink final : public Sink {
 public:
  RecoveringSink(std::string name, bool takes_notes, Texts* recovered)
      : name_(std::move(name)), takes_notes_(takes_notes), recovered_(recovered) {}
  Status Recover(std::string_view note) override {
    (*recovered_)[name_] = note;
    return Status::Ok();
  }
  bool TakesNotes() const override { return takes_notes_; }
  Status Write(const Batch& /*batch*/, SinkContext& /*context*/) override { return Status::Ok(); }

 private:
  const std::string name_;
  const bool takes_notes_;
  Texts* const recovered_;
};

class ChainTest : public testing::Test {
 protected:
  /// A chain of the sinks "sink-1", which is one like Kafka's, and "sink-2", which has notes.
  Chain MakeChain() {
    std::vector<ChainNode> nodes(2);
    nodes[0].name = "sink-1";
    nodes[0].sink = std::make_unique<RecoveringSink>("sink-1", false, &recovered_);
    nodes[1].name = "sink-2";
    nodes[1].sink = std::make_unique<RecoveringSink>("sink-2", true, &recovered_);
    return Chain(std::move(nodes), dead_letters_, metrics_, clock_);
  }

  ManualClock clock_{EventTime(0)};
  MetricRegistry metrics_;
  DeadLetterWriter dead_letters_{"", clock_, metrics_};
  Texts recovered_;
};

TEST_F(ChainTest, NotesThatNoSinkTakesArePublished) {
  const struct {
    std::string what;
    Texts notes, recovered, published;
  } cases[] = {
      {"its own", {{"sink-2", "b"}}, {{"sink-1", ""}, {"sink-2", "b"}}, {}},
      {"another kind of sink has the name",
       {{"sink-1", "a"}},
       {{"sink-1", ""}, {"sink-2", ""}},
       {{"sink-1", "a"}}},
      {"nobody has the name",
       {{"old", "c"}, {"sink-2", "b"}},
       {{"sink-1", ""}, {"sink-2", "b"}},
       {{"old", "c"}}},
  };
  for (const auto& test : cases) {
    Texts published;
    const Status status =
        MakeChain().Recover(test.notes, [&](const std::string& sink, std::string_view note) {
          published[sink] = note;
          return Status::Ok();
        });
    EXPECT_TRUE(status.ok()) << test.what;
    EXPECT_EQ(recovered_, test.recovered) << test.what;
    EXPECT_EQ(published, test.published) << test.what;
  }
}

TEST_F(ChainTest, NothingStartsOverANoteThatCannotBePublished) {
  EXPECT_EQ(MakeChain().Recover({{"old", "c"}}, nullptr).code(), StatusCode::kInvalidArgument);
  const auto fails = [](const std::string&, std::string_view) { return Status::Io("no such disk"); };
  EXPECT_EQ(MakeChain().Recover({{"old", "c"}}, fails).code(), StatusCode::kIo);
}

}  // namespace
}  // namespace millrace
