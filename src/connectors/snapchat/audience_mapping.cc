#include "connectors/snapchat/audience_mapping.h"

#include <array>
#include <utility>
#include <vector>

#include <arrow/api.h>

#include "base/suggest.h"
#include "columnar/schema_text.h"
#include "connectors/snapchat/text_value.h"
#include "expr/builder.h"

namespace millrace {
namespace {

constexpr std::array kSchemas = {AudienceSchema::kEmail, AudienceSchema::kPhone, AudienceSchema::kMobileAdId};

struct Kind {
  std::string_view hash;
  std::array<const char*, 2> columns;
};

Kind KindOf(AudienceSchema schema) {
  switch (schema) {
    case AudienceSchema::kEmail:
      return {"snap_hash_email", {"em", "email"}};
    case AudienceSchema::kPhone:
      return {"snap_hash_phone", {"ph", "phone"}};
    case AudienceSchema::kMobileAdId:
      return {"snap_hash_maid", {"madid", "mobile_ad_id"}};
  }
  return {};
}

}  // namespace

Result<AudienceSchema> ParseAudienceSchema(const std::string& name) {
  std::vector<std::string> names;
  for (const AudienceSchema schema : kSchemas) {
    if (NameOf(schema) == name) return schema;
    names.emplace_back(NameOf(schema));
  }
  return Status::InvalidArgument("there is no schema '" + name + "'" + DidYouMean(name, names));
}

Result<Expr> AudienceIdentifier(AudienceSchema schema, const std::optional<Expr>& said,
                                const std::shared_ptr<arrow::Schema>& input) {
  std::optional<Expr> identifier = said;
  const Kind kind = KindOf(schema);
  for (const char* column : kind.columns) {
    if (!identifier && input->GetFieldByName(column) != nullptr) identifier = Col(column);
  }
  if (!identifier) {
    return Status::InvalidArgument("'identifier' is missing: there is neither a column '" +
                                   std::string(kind.columns[0]) + "' nor '" + kind.columns[1] +
                                   "' that it could be");
  }
  const auto bound = BoundExpr::Bind(*identifier, input);
  if (!bound.ok()) return bound.status().WithContext("identifier");
  if (!HasText(*bound->type())) {
    return Status::InvalidArgument(
        "the identifier cannot be made of '" + identifier->ToString() + "', which is " +
        TypeText(*bound->type()) +
        (bound->type()->id() == arrow::Type::LIST ? "; put an explode step before the sink" : ""));
  }
  return *std::move(identifier);
}

std::string NoIdentifier(AudienceSchema schema, const std::optional<Expr>& said) {
  const Kind kind = KindOf(schema);
  const std::string other = kind.columns[1];
  const std::string what = said ? "'" + said->ToString() + "'"
                                : "the column " + std::string(kind.columns[0]) + ", or else " + other + ",";
  return "there is no identifier: " + what +
         " is null, or nothing is left of it; leave such rows out with where: " + std::string(kind.hash) +
         "(" + (said ? said->ToString() : other) + ") is not null";
}

Result<Expr> HashedIdentifier(AudienceSchema schema, const Expr& identifier,
                              const std::shared_ptr<arrow::Schema>& input) {
  MR_ASSIGN_OR_RETURN(const BoundExpr bound, BoundExpr::Bind(identifier, input));
  return Call(KindOf(schema).hash, {*TextOf(identifier, *bound.type())});
}

}  // namespace millrace
