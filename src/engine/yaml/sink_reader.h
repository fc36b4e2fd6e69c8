#pragma once

#include <string>
#include <string_view>

#include "engine/yaml/section_reader.h"
#include "plan/plan.h"

namespace millrace {

/// One entry of `sinks`: where its rows go and which.
SinkNode ReadSinkOp(const SectionReader& section);

/// A topic behind a section of its own (`dead_letter`, `late`); "" when absent.
std::string ReadTopicOf(const SectionReader& section, std::string_view key);

/// `late`, of a step or sink that can have it: a topic, or the word for the dead letters.
template <typename Step>
void ReadLate(const SectionReader& section, Step* step) {
  step->late_topic = ReadTopicOf(section, "late");
  step->late_to_dead_letters = step->late_topic == "dead_letter" && section.Raw("late").IsScalar();
  if (step->late_to_dead_letters) step->late_topic.clear();
}

}  // namespace millrace
