#pragma once

#include <memory>
#include <string>

#include "connect/cluster.h"

namespace millrace {

/// Another cluster, but for what a test overrides. The other outlives it.
class ClusterAround : public Cluster {
 public:
  explicit ClusterAround(Cluster& cluster) : cluster_(cluster) {}
  Result<std::unique_ptr<GroupMember>> MakeGroupMember(const std::string& group,
                                                       const std::string& client_id) override {
    return cluster_.MakeGroupMember(group, client_id);
  }
  Result<std::unique_ptr<Producer>> MakeProducer(const std::string& transactional_id) override {
    return cluster_.MakeProducer(transactional_id);
  }
  void SetTopicLimits(const TopicLimits& limits) override { cluster_.SetTopicLimits(limits); }
  Result<std::unique_ptr<ChangelogReader>> MakeChangelogReader() override {
    return cluster_.MakeChangelogReader();
  }
  TopicAdmin& admin() override { return cluster_.admin(); }
  GroupAdmin* groups() override { return cluster_.groups(); }
  bool supports_exactly_once() const override { return cluster_.supports_exactly_once(); }

 private:
  Cluster& cluster_;
};

}  // namespace millrace
