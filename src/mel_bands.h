// A mel filterbank without its zeros.
#pragma once

#include <wavestride/mel.h>

#include "kernels/spectral.h"

namespace wavestride {

/// Each band is a run of neighbouring bins, and each bin lies in two neighbouring bands at most.
class MelBands {
 public:
  explicit MelBands(const MelOptions& options);

  Index bins() const { return bins_; }
  Index bands() const { return static_cast<Index>(bands_.size()); }
  /// Bins that apply() reads: the first so many.
  Index bins_read() const { return bins_read_; }

  /// n_mels × bins, zeros included.
  Signal matrix() const;

  /// mel[b] = Σ_k filter[b, k] · x[k].
  void apply(const float* x, float* mel) const noexcept;

  /// Calls f(band, bin, weight) for every weight, band by band.
  template <class F>
  void for_each_weight(F&& f) const {
    for (std::size_t b = 0; b < bands_.size(); ++b)
      for (Index k = 0; k < bands_[b].size; ++k)
        f(static_cast<Index>(b), bands_[b].first + k,
          weights_[bands_[b].weights + static_cast<std::size_t>(k)]);
  }

 private:
  Index bins_, bins_read_ = 0;
  std::vector<kernels::Band> bands_;
  std::vector<float> weights_;
};

/// Throws std::invalid_argument on anything wrong with the options.
void check_mel_options(const char* op, const MelOptions& options);

}  // namespace wavestride
