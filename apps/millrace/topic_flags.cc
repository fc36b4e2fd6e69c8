#include <iostream>
#include <memory>

#include "engine/commands/topic_commands.h"
#include "flags.h"

namespace millrace {
namespace {

void AddList(CLI::App* topic, Action* action) {
  CLI::App* command = topic->add_subcommand("list", "List the topics of a cluster");
  auto options = std::make_shared<TopicListOptions>();
  AddClusterFlags(command, &options->cluster);
  command->add_flag("--json", options->json, "one JSON object per topic");
  command->callback([=] { *action = [options](CommandIo& io) { return TopicListCommand(*options, io); }; });
}

void AddCreate(CLI::App* topic, Action* action) {
  CLI::App* command = topic->add_subcommand("create", "Create a topic");
  auto options = std::make_shared<TopicCreateOptions>();
  command->add_option("TOPIC", options->topic, "its name")->required();
  command->add_option("-p,--partitions", options->partitions, "partition count")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  command->add_option("--replication-factor", options->replication_factor, "-1: the broker's default")
      ->capture_default_str();
  command->add_option("--config", options->config, "a topic property")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  AddClusterFlags(command, &options->cluster);
  command->callback([=] { *action = [options](CommandIo& io) { return TopicCreateCommand(*options, io); }; });
}

void AddDescribe(CLI::App* topic, Action* action) {
  CLI::App* command =
      topic->add_subcommand("describe", "Print partitions, offsets and configuration of a topic");
  auto options = std::make_shared<TopicDescribeOptions>();
  command->add_option("TOPIC", options->topic, "its name")->required();
  AddClusterFlags(command, &options->cluster);
  command->add_flag("--json", options->json, "one JSON object");
  command->callback(
      [=] { *action = [options](CommandIo& io) { return TopicDescribeCommand(*options, io); }; });
}

void AddRead(CLI::App* topic, Action* action) {
  CLI::App* command = topic->add_subcommand("read", "Print the committed records of a topic");
  auto options = std::make_shared<TopicReadOptions>();
  command->add_option("TOPIC", options->topic, "its name")->required();
  command->add_option("--partition", options->partition, "only this partition");
  command
      ->add_option("--from", options->from,
                   "beginning, end, an offset, or -N for the last N of each partition")
      ->capture_default_str();
  command->add_option("-n,--limit", options->limit, "most records; 0 prints all")->capture_default_str();
  command->add_flag("--follow", options->follow, "wait for more records at the end");
  command->add_flag("--json", options->json,
                    "whole records as JSON, without loss: bytes that are no UTF-8 are {\"base64\": \"...\"}");
  AddClusterFlags(command, &options->cluster);
  command->callback([=] { *action = [options](CommandIo& io) { return TopicReadCommand(*options, io); }; });
}

void AddWrite(CLI::App* topic, Action* action) {
  CLI::App* command = topic->add_subcommand("write", "Write each line of the standard input as a record");
  auto options = std::make_shared<TopicWriteOptions>();
  command->add_option("TOPIC", options->topic, "its name")->required();
  command->add_option("--partition", options->partition, "into this partition (default: by the key)");
  CLI::Option* separator =
      command->add_option("-K,--key-separator", options->key_separator, "lines are KEY, this, and VALUE");
  command->add_flag("--json", options->json, "lines are whole records as 'topic read --json' prints them")
      ->excludes(separator);
  AddClusterFlags(command, &options->cluster);
  command->callback(
      [=] { *action = [options](CommandIo& io) { return TopicWriteCommand(*options, std::cin, io); }; });
}

}  // namespace

void AddTopicCommands(CLI::App* app, Action* action) {
  CLI::App* topic = app->add_subcommand("topic", "Look at topics and change them");
  topic->require_subcommand(1);
  AddList(topic, action);
  AddCreate(topic, action);
  AddDescribe(topic, action);
  AddRead(topic, action);
  AddWrite(topic, action);
}

}  // namespace millrace
