#include "models/encoder.h"

#include <wavestride/stack.h>

#include "kernels/elementwise.h"

namespace wavestride::models {
namespace {

class PaddedToMultiple final : public Kernel {
 public:
  explicit PaddedToMultiple(Index samples)
      : Kernel(message("pad1d(1, to a multiple of ", samples, ")"),
               {{1, conv_geometry(1, 1, 1, 0, samples - 1), {}}}, 1),
        samples_(samples) {}

  Index total(std::span<const Index> lengths) const override {
    const Index T = lengths[0];
    return T == Work::unknown ? T
                              : detail::mul_sat(detail::affine_floor(T, 1, samples_ - 1, samples_), samples_);
  }

  void compute(const Work& work) const noexcept override { kernels::copy(work.in[0], work.count, work.out); }

 private:
  Index samples_;
};

}  // namespace

void require_encoder(const ModelFile& file, const std::string& layer) {
  if (!file.holds(layer))
    file.refuse("holds no encoder: there is no layer \"", file.prefix(), layer,
                "\"; a converted file may have left it behind in what it was made of");
}

Op padded_to_multiple(Index samples) {
  return Op(std::make_shared<PaddedToMultiple>(samples));
}

CodecEncoder encoder_of(const std::string& codec, const Op& latents, const Op& quantiser, Index rate,
                        Index codes) {
  const Op network = Stack({latents, quantiser}, codec + " encoder");
  const Ratio hop = network.rate();
  return {.architecture = {},
          .codec = codec,
          .sample_rate = rate,
          .hop_length = hop.num,
          .codes = codes,
          .choices = {},
          .latents = latents,
          .quantiser = quantiser,
          .network = network};
}

}  // namespace wavestride::models
