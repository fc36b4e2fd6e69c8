#include "engine/commands/reset_work.h"

#include <cstddef>

#include "base/counted.h"
#include "env/file.h"

namespace millrace {
namespace {

/// One thing to do, and how to say it.
struct Step {
  std::string name;  // "topic x"
  std::string done;  // "topic x deleted\n"
  std::function<Status()> run;
};

std::vector<Step> StepsOf(const ResetWork& work, TopicAdmin& topics, const SetOffsets& set_offsets) {
  std::vector<Step> steps;
  if (!work.state_folder.empty()) {
    const std::string name = "folder " + work.state_folder;
    steps.push_back({name, name + " deleted\n", [&work] { return RemoveAll(work.state_folder); }});
  }
  for (const std::string& topic : work.topics_to_delete) {
    steps.push_back({"topic " + topic, "topic " + topic + " deleted\n", [&topics, topic] {
                       const Status deleted = topics.Delete(topic);
                       return deleted.code() == StatusCode::kNotFound ? Status::Ok() : deleted;
                     }});
  }
  if (!work.offsets.empty()) {
    std::string done;
    for (const CommittedOffset& at : work.offsets)
      done += "offset of " + at.partition.ToString() + " set to " + std::to_string(at.offset.value()) + "\n";
    steps.push_back({"the offsets of " + Counted(work.offsets.size(), "partition"), std::move(done),
                     [&work, &set_offsets] { return set_offsets(work.offsets); }});
  }
  return steps;
}

std::string Names(const std::vector<Step>& steps, std::size_t first, std::size_t last) {
  std::string names;
  for (std::size_t i = first; i < last; ++i) names += (i == first ? "" : ", ") + steps[i].name;
  return names.empty() ? "nothing" : names;
}

}  // namespace

Status CarryOut(const ResetWork& work, TopicAdmin& topics, const SetOffsets& set_offsets, std::ostream& out) {
  const std::vector<Step> steps = StepsOf(work, topics, set_offsets);
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const Status status = steps[i].run();
    if (!status.ok()) {
      out.flush();
      return status.WithContext("the reset is not finished; done: " + Names(steps, 0, i) +
                                "; left: " + Names(steps, i, steps.size()) +
                                "; start no process of the pipeline, and run the same command again, which "
                                "does what is left");
    }
    out << steps[i].done;
  }
  return Status::Ok();
}

}  // namespace millrace
