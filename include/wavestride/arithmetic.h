// How a network computes, beside what it computes: one choice of all that the library has.
#pragma once

#include <wavestride/op.h>

namespace WAVESTRIDE_API wavestride {

/// Ways that take less time and round otherwise. Each is for the layers that have it; others stay direct
/// sums.
struct Arithmetic {
  bool minimal_filtering = false;  ///< minimal_filtering(), of both the faster of each layer
  bool bfloat16 = false;           ///< bfloat16()
  bool int8 = false;               ///< int8(), before the others
};

/// The op, computed so.
///     const Op fast = compute_by(model.network, {.minimal_filtering = true, .bfloat16 = true});
Op compute_by(const Op& op, const Arithmetic& arithmetic);

}  // namespace wavestride
