// Circular padding before operators that pad by themselves otherwise.
#pragma once

#include <wavestride/op.h>

namespace wavestride::detail {

/// `op`, which pads nothing, of a signal with that many of its frames before and behind it.
Op behind_circular(Index left, Index right, const Op& op);

}  // namespace wavestride::detail
