#include "help.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/suggest.h"

namespace millrace {
namespace {

constexpr std::size_t kColumn = 30;

const CLI::App& Top(const CLI::App& app) {
  return app.get_parent() == nullptr ? app : Top(*app.get_parent());
}

/// Options of the program that may stand behind every command as well.
std::vector<const CLI::Option*> OptionsOfEveryCommand(const CLI::App& app) {
  const CLI::App& top = Top(app);
  return top.get_options([&top](const CLI::Option* option) {
    return option->nonpositional() && option != top.get_help_ptr() && option != top.get_version_ptr();
  });
}

class HelpFormatter final : public CLI::Formatter {
 public:
  HelpFormatter() { column_width(kColumn); }

 private:
  std::string make_option_opts(const CLI::Option* option) const override {
    if (option->get_type_size() == 0) return "";
    // "TEXT:{text,json}" is the type with its check.
    const std::string type = option->get_type_name();
    if (const std::size_t brace = type.find('{'); brace != std::string::npos) {
      std::string choices = type.substr(brace + 1, type.rfind('}') - brace - 1);
      std::replace(choices.begin(), choices.end(), ',', '|');
      return " " + choices;
    }
    static const std::pair<std::string, std::string> kNames[] = {
        {"INT:", "N"}, {"INT", "N"}, {"UINT:", "N"}, {"UINT", "N"}, {"FLOAT:", "X"}};
    for (const auto& [name, shown] : kNames) {
      if (type == name || (name.ends_with(':') && type.starts_with(name))) return " " + shown;
    }
    return option->get_positional() ? "" : " " + type;
  }

  /// What stands below a command's own options.
  std::string make_subcommands(const CLI::App* app, CLI::AppFormatMode mode) const override {
    const std::string commands = CLI::Formatter::make_subcommands(app, mode);
    if (app->get_parent() == nullptr) return commands;
    return make_group("Options of every command", false, OptionsOfEveryCommand(*app)) + commands;
  }

  std::string make_option_desc(const CLI::Option* option) const override {
    const std::string& fallback = option->get_default_str();
    return option->get_description() + (fallback.empty() ? "" : " (default: " + fallback + ")");
  }
};

/// The innermost command that was named.
const CLI::App& Named(const CLI::App& app) {
  const std::vector<CLI::App*> below = app.get_subcommands();
  return below.empty() ? app : Named(*below.front());
}

std::string CommandLine(const CLI::App& app) {
  return app.get_parent() == nullptr ? app.get_name() : CommandLine(*app.get_parent()) + " " + app.get_name();
}

/// Those that the help lists.
std::vector<std::string> CommandsOf(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (!command->get_group().empty()) names.push_back(command->get_name());
  }
  return names;
}

std::vector<std::string> OptionsOf(const CLI::App& app) {
  std::vector<std::string> names;
  std::vector<const CLI::Option*> options = app.get_options();
  for (const CLI::Option* option : OptionsOfEveryCommand(app)) options.push_back(option);
  for (const CLI::Option* option : options) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

std::string Problem(const CLI::App& app, const CLI::App& named, const CLI::ParseError& error) {
  const std::vector<std::string> left = app.remaining(true);
  if (left.empty()) return error.what();
  const std::string& word = left.front();
  if (word.starts_with('-')) return "unknown option '" + word + "'" + DidYouMean(word, OptionsOf(named));
  const std::vector<std::string> commands = CommandsOf(named);
  if (commands.empty()) return "'" + word + "' is one argument too many";
  return "there is no command '" + CommandLine(named) + " " + word + "'" + DidYouMean(word, commands);
}

}  // namespace

std::shared_ptr<CLI::FormatterBase> MakeHelpFormatter() { return std::make_shared<HelpFormatter>(); }

void ExplainWrongUse(const CLI::App& app, const CLI::ParseError& error, std::ostream& err) {
  const CLI::App& named = Named(app);
  if (app.remaining(true).empty() && !CommandsOf(named).empty()) {
    err << named.help(named.get_parent() == nullptr ? "" : CommandLine(*named.get_parent()));
    return;
  }
  err << "millrace: " << Problem(app, named, error) << "\nsee: " << CommandLine(named) << " --help\n";
}

}  // namespace millrace
