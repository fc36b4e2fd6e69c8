#include "compile/stages.h"

#include <algorithm>
#include <numeric>
#include <set>

#include "base/counted.h"

namespace millrace {
namespace {

/// Columns whose equal values are known to lie in one partition, in the order of the key that brought them
/// together; nullopt: nothing is known.
using Together = std::optional<std::vector<std::string>>;

class Cutter {
 public:
  Cutter(const AnalyzedPlan& analyzed, const std::map<std::string, std::int32_t>& partitions)
      : plan_(analyzed.plan),
        partitions_(partitions),
        together_(plan_.nodes.size()),
        nulls_scattered_(plan_.nodes.size()),
        stage_of_(plan_.nodes.size()) {}

  Result<StagedPlan> Run() {
    for (NodeId id = 0; id < plan_.nodes.size(); ++id) {
      const PlanNode& node = plan_.nodes[id];
      if (const auto* source = std::get_if<KafkaSource>(&node.op)) {
        MR_RETURN_IF_ERROR(AddSource(id, *source));
        continue;
      }
      MR_RETURN_IF_ERROR(JoinInputs(id));
      if (const auto key = KeyOf(node)) {
        const bool cut = NeedsCut(id, *key);
        if (cut) AddCut(id, *key);
        placed_by_[id] = cut ? *key->columns : TogetherBefore(id).value_or(std::vector<std::string>());
      }
      if (!(stages_[stage_of_[id]].cut.has_value() && stages_[stage_of_[id]].cut->at == id &&
            std::holds_alternative<GroupByStep>(node.op))) {
        stages_[stage_of_[id]].nodes.push_back(id);
      }
      together_[id] = TogetherAfter(id);
      nulls_scattered_[id] = NullsScatteredAfter(id);
    }
    return Finish();
  }

 private:
  Status AddSource(NodeId id, const KafkaSource& source) {
    if (!topics_.insert(source.topic).second) {
      return Status::InvalidArgument(plan_.nodes[id].location.ToString() + ": topic '" + source.topic +
                                     "' is read by two sources; read it once and branch behind it");
    }
    Stage stage;
    stage.name = "source-" + source.topic;
    stage.sources = {id};
    stage.partitions = partitions_.at(source.topic);
    stage_of_[id] = stages_.size();
    stages_.push_back(std::move(stage));
    if (!source.key.empty()) together_[id] = std::vector<std::string>{source.key};
    nulls_scattered_[id] = true;
    return Status::Ok();
  }

  /// Puts the node into the stage of its inputs, merging their stages.
  Status JoinInputs(NodeId id) {
    const PlanNode& node = plan_.nodes[id];
    const std::size_t into = stage_of_[node.inputs.front()];
    for (const NodeId input : node.inputs) {
      const std::size_t from = stage_of_[input];
      if (from == into) continue;
      if (stages_[from].partitions != stages_[into].partitions) {
        return Status::InvalidArgument(
            node.location.ToString() + ": step '" + node.name + "' unites '" + stages_[into].name + "' (" +
            Counted(stages_[into].partitions, "partition") + ") with '" + stages_[from].name + "' (" +
            Counted(stages_[from].partitions, "partition") + "); their partition counts must be equal");
      }
      if (stages_[from].cut.has_value() || stages_[into].cut.has_value()) {
        return Status::InvalidArgument(
            node.location.ToString() + ": step '" + node.name +
            "' unites branches that were grouped apart; unite them before group_by");
      }
      MergeStage(from, into);
    }
    stage_of_[id] = into;
    return Status::Ok();
  }

  void MergeStage(std::size_t from, std::size_t into) {
    for (std::size_t& stage : stage_of_) {
      if (stage == from) stage = into;
    }
    Stage& target = stages_[into];
    Stage& gone = stages_[from];
    target.sources.insert(target.sources.end(), gone.sources.begin(), gone.sources.end());
    target.nodes.insert(target.nodes.end(), gone.nodes.begin(), gone.nodes.end());
    std::sort(target.nodes.begin(), target.nodes.end());
    gone = Stage{};
  }

  bool NeedsCut(NodeId id, const NodeKey& key) const {
    const Stage& stage = stages_[stage_of_[id]];
    const std::vector<std::string>& by = *key.columns;
    if (stage.partitions == 1) return false;
    // Not of a table: its deletions do not move.
    const auto& op = plan_.nodes[id].op;
    const bool is_table = std::holds_alternative<LatestStep>(op) || std::holds_alternative<ExpireStep>(op);
    if (key.null_key == NullKey::kGroup && NullsScatteredBefore(id) && !is_table) return true;
    const Together known = TogetherBefore(id);
    // Rows equal in all of `by` are equal in any subset of it.
    return !known.has_value() || !std::all_of(known->begin(), known->end(), [&](const std::string& column) {
      return std::find(by.begin(), by.end(), column) != by.end();
    });
  }

  void AddCut(NodeId id, const NodeKey& key) {
    const PlanNode& node = plan_.nodes[id];
    Stage stage;
    stage.name = node.name;
    Cut cut;
    cut.at = id;
    cut.columns = *key.columns;
    cut.null_key = key.null_key;
    cut.from_stage = stage_of_[id];
    cut.topic = plan_.name + "-" + node.name + "-repartition";
    stage.cut = std::move(cut);
    // One group over everything has one place to be.
    stage.partitions = key.columns->empty() ? 1 : stages_[stage_of_[id]].partitions;
    stage_of_[id] = stages_.size();
    stages_.push_back(std::move(stage));
  }

  Together TogetherBefore(NodeId id) const {
    const PlanNode& node = plan_.nodes[id];
    const Together first = together_[node.inputs.front()];
    for (const NodeId input : node.inputs) {
      if (together_[input] != first) return std::nullopt;
    }
    return first;
  }

  bool NullsScatteredBefore(NodeId id) const {
    const std::vector<NodeId>& inputs = plan_.nodes[id].inputs;
    return std::any_of(inputs.begin(), inputs.end(), [&](NodeId input) { return nulls_scattered_[input]; });
  }

  /// Records without a message key lie in any partition. A keyed step lets no null pass, or made it a group:
  /// after a cut null is in one partition as every other key.
  bool NullsScatteredAfter(NodeId id) const {
    if (!NullsScatteredBefore(id)) return false;
    const auto key = KeyOf(plan_.nodes[id]);
    if (!key.has_value()) return true;
    const Stage& stage = stages_[stage_of_[id]];
    return key->null_key == NullKey::kGroup && !(stage.cut.has_value() && stage.cut->at == id);
  }

  /// What is known after the node, by column names of its output.
  Together TogetherAfter(NodeId id) const {
    const PlanNode& node = plan_.nodes[id];
    if (const auto key = KeyOf(node)) {
      if (stages_[stage_of_[id]].cut.has_value() && stages_[stage_of_[id]].cut->at == id)
        return *key->columns;
      return TogetherBefore(id);
    }
    Together known = TogetherBefore(id);
    if (!known.has_value()) return known;
    for (std::string& column : *known) {
      column = NameAfter(node, column);
      if (column.empty()) return std::nullopt;
    }
    return known;
  }

  /// The name that `column` has behind the node with unchanged values; "" when it is gone or changed.
  static std::string NameAfter(const PlanNode& node, const std::string& column) {
    if (const auto* with = std::get_if<WithStep>(&node.op)) {
      for (const auto& [name, value] : with->columns) {
        if (name == column) return "";
      }
    } else if (const auto* select = std::get_if<SelectStep>(&node.op)) {
      for (const auto& [name, value] : select->columns) {
        if (value.expr.AsColumn() == column) return name;
      }
      return "";
    } else if (const auto* drop = std::get_if<DropStep>(&node.op)) {
      if (std::find(drop->columns.begin(), drop->columns.end(), column) != drop->columns.end()) return "";
    } else if (const auto* rename = std::get_if<RenameStep>(&node.op)) {
      for (const auto& [old_name, new_name] : rename->columns) {
        if (old_name == column) return new_name;
      }
    } else if (const auto* cast = std::get_if<CastStep>(&node.op)) {
      for (const auto& [name, type] : cast->columns) {
        if (name == column) return "";
      }
    } else if (const auto* explode = std::get_if<ExplodeStep>(&node.op)) {
      if (explode->column == column) return "";
    }
    return column;
  }

  /// Drops stages that were merged away and renumbers.
  StagedPlan Finish() {
    std::vector<std::size_t> number(stages_.size());
    StagedPlan out;
    out.placed_by = std::move(placed_by_);
    for (std::size_t i = 0; i < stages_.size(); ++i) {
      number[i] = out.stages.size();
      if (stages_[i].sources.empty() && !stages_[i].cut.has_value()) continue;
      out.stages.push_back(std::move(stages_[i]));
    }
    for (Stage& stage : out.stages) {
      if (stage.cut.has_value()) stage.cut->from_stage = number[stage.cut->from_stage];
    }
    return out;
  }

  const Plan& plan_;
  const std::map<std::string, std::int32_t>& partitions_;
  std::vector<Together> together_;
  std::vector<bool> nulls_scattered_;  // by node: rows with a null in its Together may lie in any partition
  std::map<NodeId, std::vector<std::string>> placed_by_;
  std::vector<std::size_t> stage_of_;
  std::vector<Stage> stages_;
  std::set<std::string> topics_;
};

}  // namespace

Result<StagedPlan> CutPlan(const AnalyzedPlan& analyzed,
                           const std::map<std::string, std::int32_t>& partitions) {
  return Cutter(analyzed, partitions).Run();
}

}  // namespace millrace
