#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <arrow/type_fwd.h>

#include "base/result.h"
#include "connectors/snapchat/audience_api.h"
#include "expr/expr.h"

namespace millrace {

/// Errors: user error for a name that is none of EMAIL_SHA256, PHONE_SHA256 and MOBILE_AD_ID_SHA256.
Result<AudienceSchema> ParseAudienceSchema(const std::string& name);

/// What the identifier of a row is made of: what the user says, else the column that is called em or email,
/// ph or phone, madid or mobile_ad_id, the first that there is. Errors: user error when there is no such
/// column, for an expression that cannot be bound, and for one that is no text.
Result<Expr> AudienceIdentifier(AudienceSchema schema, const std::optional<Expr>& said,
                                const std::shared_ptr<arrow::Schema>& input);

/// What to say of a row of which no identifier is left, and what to do: names the column, and no value.
/// `said`: as in AudienceIdentifier.
std::string NoIdentifier(AudienceSchema schema, const std::optional<Expr>& said);

/// Its SHA-256 in hexadecimal, normalised as the kind of identifier demands; texts of 64 hexadecimal digits
/// pass through. Null where nothing is left of it. Precondition: `identifier` is one of AudienceIdentifier.
Result<Expr> HashedIdentifier(AudienceSchema schema, const Expr& identifier,
                              const std::shared_ptr<arrow::Schema>& input);

}  // namespace millrace
