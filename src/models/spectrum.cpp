#include "models/spectrum.h"

#include <wavestride/activation.h>
#include <wavestride/index_select.h>

namespace wavestride::models {

Stack polar_spectrum(Index bins, const SpectrumOptions& options) {
  StackBuilder b("polar_spectrum");
  const auto x = b.input(2 * bins);
  // Magnitudes twice, cosine and sine in turn.
  std::vector<Index> twice, in_turn;
  for (Index i = 0; i < 2 * bins; ++i) {
    twice.push_back(i / 2);
    in_turn.push_back(i / 2 + i % 2 * bins);
  }
  auto magnitude = b.chain(x, std::vector{op::channel_slice(2 * bins, 0, bins), op::exp(bins)});
  if (std::isfinite(options.max_magnitude))
    magnitude = b.apply(op::clip(bins, 0, options.max_magnitude), {magnitude});
  auto phase = b.apply(op::channel_slice(2 * bins, bins, bins), {x});
  if (options.phase_is_sine) phase = b.apply(op::sin(bins), {phase});
  const auto both = b.apply(op::concatenate({bins, bins}),
                            {b.apply(op::cos(bins), {phase}), b.apply(op::sin(bins), {phase})});
  return Stack(
      b.build({b.apply(op::multiply(2 * bins), {b.apply(op::index_select(bins, twice), {magnitude}),
                                                b.apply(op::index_select(2 * bins, in_turn), {both})})}));
}

}  // namespace wavestride::models
