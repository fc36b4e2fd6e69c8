#pragma once

/// Everything of Millrace's public API but the test driver (millrace/test_driver.h).

#include "millrace/app.h"
#include "millrace/dataframe.h"
#include "millrace/expression.h"
#include "millrace/files.h"
#include "millrace/keyed_state.h"
#include "millrace/snapchat.h"
#include "millrace/snapchat_sources.h"
#include "millrace/topic.h"
#include "millrace/types.h"
#include "millrace/user_aggregate.h"
#include "millrace/window.h"
