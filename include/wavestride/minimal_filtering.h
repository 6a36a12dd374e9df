// Minimal filtering: convolution by half the multiplications or less, in exchange for a longer lookahead.
#pragma once

#include <wavestride/op.h>

namespace WAVESTRIDE_API wavestride {

/// The same op, its convolutions computed six frames at a time by F(6, 3), F(6, 6) or F(6, 7) along time
/// (Winograd, Toom-Cook) where that takes well less time and where they matter to the whole: stride 1, one
/// group, multiples of 16 channels. It rounds otherwise (a layer errs 3 to 12 times as much as by direct
/// sums), and each such layer reads up to 6·dilation − 1 frames further ahead, which latency_frames() and
/// lookahead_frames() of the result tell. A frame that is not finite spoils the frames made with it.
///     const Op fast = minimal_filtering(model.network);
Op minimal_filtering(const Op& op);

}  // namespace wavestride
