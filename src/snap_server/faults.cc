#include "snap_server/faults.h"

#include <charconv>
#include <vector>

#include "base/suggest.h"

namespace millrace::snap {
namespace {

constexpr std::pair<std::string_view, Fault> kNames[] = {
    {"429", Fault::k429},         {"500", Fault::k500},
    {"503", Fault::k503},         {"slow", Fault::kSlow},
    {"cut", Fault::kCut},         {"invalid", Fault::kInvalid},
    {"expired", Fault::kExpired}, {"invalid_token", Fault::kInvalidToken}};

std::optional<Fault> FaultNamed(std::string_view name) {
  for (const auto& [known, fault] : kNames) {
    if (known == name) return fault;
  }
  return std::nullopt;
}

std::string NameOf(Fault fault) {
  for (const auto& [name, known] : kNames) {
    if (known == fault) return std::string(name);
  }
  return "";
}

Status Unknown(std::string_view name) {
  std::vector<std::string> names;
  for (const auto& [known, fault] : kNames) names.emplace_back(known);
  return Status::InvalidArgument("there is no fault '" + std::string(name) + "'" + DidYouMean(name, names));
}

Status BadRate(std::string_view name, std::string_view rate) {
  return Status::InvalidArgument("the rate of fault '" + std::string(name) + "' is '" + std::string(rate) +
                                 "'; write the share of requests as a number from 0 to 1");
}

bool Applies(Fault fault, Api api) {
  const bool of_events_and_entities =
      fault == Fault::kInvalid || fault == Fault::kExpired || fault == Fault::kInvalidToken;
  return api != Api::kOwn && !(of_events_and_entities && api == Api::kOAuth);
}

}  // namespace

Result<std::pair<std::string, double>> Faults::Parse(std::string_view text) {
  const std::size_t colon = text.find(':');
  const std::string name(text.substr(0, colon));
  if (!FaultNamed(name)) return Unknown(name);
  if (colon == std::string_view::npos) return BadRate(name, "");
  const std::string_view digits = text.substr(colon + 1);
  double rate = -1;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), rate);
  if (error != std::errc() || end != digits.data() + digits.size() || !(rate >= 0 && rate <= 1)) {
    return BadRate(name, digits);
  }
  return std::pair<std::string, double>(name, rate);
}

Status Faults::Set(std::string_view name, double rate) {
  const std::optional<Fault> fault = FaultNamed(name);
  if (!fault) return Unknown(name);
  if (!(rate >= 0 && rate <= 1)) return BadRate(name, std::to_string(rate));
  rates_[*fault] = rate;
  return Status::Ok();
}

std::optional<Fault> Faults::Pick(Api api) {
  for (const auto& [fault, rate] : rates_) {
    if (!Applies(fault, api) || !(random_.Fraction() < rate)) continue;
    ++counts_[NameOf(fault)];
    return fault;
  }
  return std::nullopt;
}

std::map<std::string, double> Faults::rates() const {
  std::map<std::string, double> by_name;
  for (const auto& [fault, rate] : rates_) {
    if (rate > 0) by_name[NameOf(fault)] = rate;
  }
  return by_name;
}

}  // namespace millrace::snap
