#include "engine/savepoint/restore_plan.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/counted.h"
#include "base/suggest.h"
#include "engine/savepoint/pipeline_shape.h"
#include "state/layout.h"

namespace millrace {
namespace {

class Planner {
 public:
  Planner(const SavepointManifest& manifest, const Topology& topology,
          const std::map<std::string, std::string>& topic_ids, const RestoreChoice& choice)
      : manifest_(manifest),
        topology_(topology),
        topic_ids_(topic_ids),
        choice_(choice),
        now_(NamesNow(topology)) {}

  Result<RestorePlan> Plan() {
    MR_RETURN_IF_ERROR(CheckNames());
    for (const SavepointStage& stage : manifest_.stages) {
      for (const SavepointStep& step : stage.steps) MR_RETURN_IF_ERROR(AddStep(stage, step));
    }
    for (const SubTopology& sub : topology_.sub_topologies) MR_RETURN_IF_ERROR(AddStage(sub));
    MR_RETURN_IF_ERROR(CheckInputs());
    for (StepRestore& step : plan_.steps) {
      const auto at = static_cast<std::size_t>(step.sub - topology_.sub_topologies.data());
      step.moves = plan_.stages[at].same != step.stage;
      WarnOfPlacement(step);
    }
    MR_RETURN_IF_ERROR(CheckStateOfRecords());
    return std::move(plan_);
  }

 private:
  /// Names of steps with state, and of source topics: a step and a topic may be called alike.
  struct Names {
    std::set<std::string> steps;
    std::set<std::string> topics;
  };

  static Names SavedNames(const SavepointManifest& manifest) {
    Names names;
    for (const SavepointStage& stage : manifest.stages) {
      for (const SavepointStep& step : stage.steps) names.steps.insert(step.name);
      for (const SavepointInput& input : stage.inputs) {
        if (input.step.empty())
          names.topics.insert(input.topic);
        else
          names.steps.insert(input.step);
      }
    }
    return names;
  }

  static Names NamesNow(const Topology& topology) {
    Names names;
    for (const SubTopology& sub : topology.sub_topologies) {
      for (const TableSpec& table : sub.tables) names.steps.insert(table.table);
      for (const std::string& topic : sub.input_topics) {
        if (IsRepartition(sub, topic))
          names.steps.insert(StepOfRepartition(topic, topology.app));
        else
          names.topics.insert(topic);
      }
    }
    return names;
  }

  /// What `old` is called in `now`, the names of its kind: a mapping to a name of the other kind is not of
  /// it.
  std::string NewName(const std::string& old, const std::set<std::string>& now) const {
    const auto found = choice_.names.find(old);
    return found == choice_.names.end() || !now.contains(found->second) ? old : found->second;
  }

  /// Every name that was mapped is one that is there, and becomes one of its kind.
  Status CheckNames() const {
    const Names saved = SavedNames(manifest_);
    for (const auto& [old_name, new_name] : choice_.names) {
      const bool was_step = saved.steps.contains(old_name);
      const bool was_topic = saved.topics.contains(old_name);
      const bool is_step = now_.steps.contains(new_name);
      const bool is_topic = now_.topics.contains(new_name);
      if ((was_step && is_step) || (was_topic && is_topic)) continue;
      const std::string map = "--map " + old_name + "=" + new_name + ": ";
      if (!was_step && !was_topic) {
        return Status::InvalidArgument(map + "the savepoint has no step with state and no topic '" +
                                       old_name + "'" + DidYouMean(old_name, Both(saved)));
      }
      if (!is_step && !is_topic) {
        return Status::InvalidArgument(map + "the pipeline has no step with state and no source topic '" +
                                       new_name + "'" + DidYouMean(new_name, Both(now_)));
      }
      return Status::InvalidArgument(
          map + (was_step ? "a step cannot become a source topic" : "a source topic cannot become a step"));
    }
    return Status::Ok();
  }

  static std::vector<std::string> Both(const Names& names) {
    std::vector<std::string> both(names.steps.begin(), names.steps.end());
    both.insert(both.end(), names.topics.begin(), names.topics.end());
    return both;
  }

  static bool IsRepartition(const SubTopology& sub, const std::string& topic) {
    return std::find(sub.repartition_inputs.begin(), sub.repartition_inputs.end(), topic) !=
           sub.repartition_inputs.end();
  }

  Status AddStep(const SavepointStage& stage, const SavepointStep& step) {
    const std::string name = NewName(step.name, now_.steps);
    for (const SubTopology& sub : topology_.sub_topologies) {
      for (const TableSpec& table : sub.tables) {
        if (table.table != name) continue;
        if (!filled_.insert(name).second) {
          return Status::InvalidArgument("two steps of the savepoint would become step '" + name +
                                         "'; look at --map");
        }
        const std::string layout = ParseLayout(sub.state_layout).at(name);
        if (layout != step.layout) {
          return Status::InvalidArgument("the state of step '" + step.name + "' was written as " +
                                         step.layout + " and step '" + name + "' would now be " + layout +
                                         "; undo the change, or give the step a new name and leave the saved "
                                         "state out with --allow-drop");
        }
        plan_.steps.push_back({.stage = &stage, .step = &step, .sub = &sub, .table = &table, .moves = false});
        return Status::Ok();
      }
    }
    const std::string what = Called(step);
    if (choice_.allow_drop) {
      plan_.dropped.push_back(what);
      return Status::Ok();
    }
    return Status::InvalidArgument(what +
                                   " of the savepoint is not in the pipeline; if it has another name "
                                   "now, add --map " +
                                   step.name + "=NAME, to leave its state out --allow-drop");
  }

  Status AddStage(const SubTopology& sub) {
    StageRestore stage;
    stage.sub = &sub;
    std::set<const SavepointStage*> of_inputs;
    for (const std::string& topic : sub.input_topics) {
      InputRestore input;
      input.topic = topic;
      if (IsRepartition(sub, topic)) input.step = StepOfRepartition(topic, topology_.app);
      const SavepointStage* from = nullptr;
      MR_RETURN_IF_ERROR(FindSaved(&input, &from));
      of_inputs.insert(from);
      stage.inputs.push_back(std::move(input));
    }
    std::set<const SavepointStage*> of_steps;
    for (const StepRestore& step : plan_.steps) {
      if (step.sub == &sub) of_steps.insert(step.stage);
    }
    const SavepointStage* const first = of_inputs.size() == 1 ? *of_inputs.begin() : nullptr;
    if (first != nullptr && first->inputs.size() == stage.inputs.size() &&
        first->partitions == sub.partitions && (of_steps.empty() || of_steps == of_inputs) &&
        !KeysMayMove(sub, stage)) {
      stage.same = first;
    }
    MR_RETURN_IF_ERROR(CheckOnTheirWay(sub, stage));
    of_inputs.erase(nullptr);
    const auto& from = of_steps.empty() ? of_inputs : of_steps;
    stage.from.assign(from.begin(), from.end());
    plan_.stages.push_back(std::move(stage));
    return Status::Ok();
  }

  /// Rows of a step were placed by other columns. In one partition there is no place.
  static bool IsPlacedOtherwise(const StepRestore& step) {
    return step.stage->partitions > 1 && step.sub->partitions > 1 && step.step->place != step.table->place;
  }

  /// Whether keys of the state may lie in other partitions although these are as many: they are placed by
  /// other columns, or by whoever writes a topic that is not the one they were read from.
  bool KeysMayMove(const SubTopology& sub, const StageRestore& stage) const {
    const bool other_topic = std::any_of(stage.inputs.begin(), stage.inputs.end(),
                                         [](const InputRestore& input) { return input.from_start; });
    return std::any_of(plan_.steps.begin(), plan_.steps.end(), [&](const StepRestore& step) {
      if (step.sub != &sub) return false;
      const KeyPlace::By by = step.table->place.by;
      const bool by_producers = by == KeyPlace::By::kMessageKey || by == KeyPlace::By::kRecord;
      return IsPlacedOtherwise(step) || (other_topic && by_producers && sub.partitions > 1);
    });
  }

  /// State that lies where its records were stays there: no key says where it belongs elsewhere.
  Status CheckStateOfRecords() {
    const auto is_lost = [](const StepRestore& step) {
      constexpr auto kRecord = KeyPlace::By::kRecord;
      return step.moves && (step.step->place.by == kRecord || step.table->place.by == kRecord);
    };
    for (const StepRestore& step : plan_.steps) {
      if (!is_lost(step)) continue;
      plan_.dropped.push_back(Called(*step.step));
      if (choice_.allow_drop) continue;
      return Status::InvalidArgument(
          Called(*step.step) + " of the savepoint lies in the partitions of its records (" +
          std::to_string(step.stage->partitions) + " then, " + std::to_string(step.sub->partitions) +
          " now), and its keys do not say where it belongs in others; restore it where the source topics and "
          "their partitions are the same, or leave it out with --allow-drop");
    }
    std::erase_if(plan_.steps, is_lost);
    return Status::Ok();
  }

  static std::string Called(const SavepointStep& step) {
    return "step '" + step.name + "' (" + Counted(step.rows.rows, "row") + ")";
  }

  /// Saved rows that lay in partitions by the message key are compared with murmur2; others show nothing.
  void WarnOfPlacement(const StepRestore& step) {
    const KeyPlace& before = step.step->place;
    const bool is_shown = before.by == KeyPlace::By::kMessageKey && step.stage->partitions > 1;
    if (!step.moves || is_shown || step.step->rows.rows == 0) return;
    if (step.table->place.by != KeyPlace::By::kMessageKey || step.sub->partitions == 1) return;
    std::string topics;
    for (const std::string& topic : step.sub->input_topics) topics += (topics.empty() ? "" : ", ") + topic;
    plan_.warnings.push_back(
        "the state of step '" + step.table->table + "' is placed among " +
        Counted(step.sub->partitions, "partition") +
        " by murmur2 of the message key, as Kafka's Java client does it, and nothing in the savepoint shows "
        "whether the producers of " +
        topics +
        " do; if one of them does not (librdkafka does with partitioner=murmur2_random only), reset the "
        "pipeline before it runs and group without 'key:'");
  }

  /// Rows on their way carry the key that places them, and that is still the one they were sent by.
  Status CheckOnTheirWay(const SubTopology& sub, const StageRestore& stage) const {
    for (const StepRestore& step : plan_.steps) {
      if (step.sub != &sub || !IsPlacedOtherwise(step)) continue;
      for (const InputRestore& input : stage.inputs) {
        if (input.saved == nullptr || input.saved->in_flight_data == 0) continue;
        return Status::InvalidArgument(
            Counted(input.saved->in_flight_data, "row") + " of the savepoint were on their way to step '" +
            input.saved->step + "' by other columns than those that now place the rows of step '" +
            step.table->table +
            "'; undo the change of 'by' or 'group_by', or let the pipeline run as it was until its source is "
            "quiet and save it then");
      }
    }
    return Status::Ok();
  }

  Status FindSaved(InputRestore* input, const SavepointStage** from) {
    for (const SavepointStage& stage : manifest_.stages) {
      for (const SavepointInput& saved : stage.inputs) {
        const bool is_source = saved.step.empty();
        if (is_source != input->step.empty()) continue;
        const std::string& old_name = is_source ? saved.topic : saved.step;
        const std::string now = NewName(old_name, is_source ? now_.topics : now_.steps);
        if (now != (is_source ? input->topic : input->step)) continue;
        used_.insert(&saved);
        input->saved = &saved;
        *from = &stage;
        if (!is_source) return Status::Ok();
        const auto mapped = choice_.names.find(saved.topic);
        input->from_start = mapped != choice_.names.end() && mapped->second == now;
        return input->from_start ? Status::Ok() : CheckTopicId(saved);
      }
    }
    return Status::Ok();
  }

  Status CheckTopicId(const SavepointInput& saved) const {
    const auto now = topic_ids_.find(saved.topic);
    if (now == topic_ids_.end() || now->second.empty() || saved.topic_id.empty() ||
        now->second == saved.topic_id) {
      return Status::Ok();
    }
    return Status::InvalidArgument(
        "source topic '" + saved.topic +
        "' is not the one of the savepoint but was made anew, so the saved offsets "
        "mean nothing there; if it holds only what came after the savepoint, read "
        "it from its first record with --map " +
        saved.topic + "=" + saved.topic);
  }

  /// Nothing that was on its way is forgotten.
  Status CheckInputs() {
    for (const SavepointStage& stage : manifest_.stages) {
      for (const SavepointInput& saved : stage.inputs) {
        if (used_.contains(&saved)) continue;
        if (!saved.step.empty() && saved.in_flight_data == 0) continue;
        const std::string what = saved.step.empty() ? "source topic '" + saved.topic + "'"
                                                    : "the rows on their way to step '" + saved.step + "'";
        if (choice_.allow_drop) {
          plan_.dropped.push_back(what);
          continue;
        }
        const std::string& name = saved.step.empty() ? saved.topic : saved.step;
        const std::string problem = saved.step.empty() ? " of the savepoint is not in the pipeline"
                                                       : " have no place in the pipeline";
        return Status::InvalidArgument(what + problem + "; if it has another name now, add --map " + name +
                                       "=NAME, to leave it out --allow-drop");
      }
    }
    return Status::Ok();
  }

  const SavepointManifest& manifest_;
  const Topology& topology_;
  const std::map<std::string, std::string>& topic_ids_;
  const RestoreChoice& choice_;
  const Names now_;
  std::set<std::string> filled_;  // tables
  std::set<const SavepointInput*> used_;
  RestorePlan plan_;
};

}  // namespace

bool RestorePlan::all_same() const {
  return std::all_of(stages.begin(), stages.end(),
                     [](const StageRestore& stage) { return stage.same != nullptr; });
}

Result<RestorePlan> PlanRestore(const SavepointManifest& manifest, const Topology& topology,
                                const std::map<std::string, std::string>& topic_ids,
                                const RestoreChoice& choice) {
  return Planner(manifest, topology, topic_ids, choice).Plan();
}

}  // namespace millrace
