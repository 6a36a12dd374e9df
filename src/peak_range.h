// A floor below the maximum of the whole signal.
#pragma once

#include <wavestride/op.h>

namespace wavestride {

/// y = max(x, m − range), m the maximum of all channels and frames; `option` is what the user set it by.
Op peak_range(Index channels, double range, const char* option);

}  // namespace wavestride
