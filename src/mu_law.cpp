#include <wavestride/mu_law.h>

#include <cmath>

#include "check.h"
#include "kernels/elementwise.h"

namespace wavestride {
namespace {

class MuLaw final : public Kernel {
 public:
  MuLaw(const char* name, bool expand, Index channels, Index mu)
      : Kernel(message(name, "(", channels, ", mu ", mu, ")"), {{channels, conv_geometry(1, 1, 1, 0, 0), {}}},
               channels),
        expand_(expand),
        mu_(static_cast<double>(mu)),
        log_(std::log1p(mu_)) {}

  void compute(const Work& work) const noexcept override {
    kernels::mu_law(expand_, mu_, log_, work.in[0], work.count * out_channels(), work.out);
  }

 private:
  bool expand_;
  double mu_, log_;
};

Op mu_law(const char* name, bool expand, Index channels, Index mu) {
  require(channels > 0, name, ": channels must be positive, got ", channels);
  require(mu > 0, name, ": mu must be positive, got ", mu);
  return Op(std::make_shared<MuLaw>(name, expand, channels, mu));
}

}  // namespace

namespace op {

Op mu_law_compress(Index channels, Index mu) {
  return mu_law("mu_law_compress", false, channels, mu);
}
Op mu_law_expand(Index channels, Index mu) {
  return mu_law("mu_law_expand", true, channels, mu);
}

}  // namespace op

Signal mu_law_compress(FramesView x, Index mu) {
  return op::mu_law_compress(x.channels(), mu)(x);
}
Signal mu_law_expand(FramesView y, Index mu) {
  return op::mu_law_expand(y.channels(), mu)(y);
}

}  // namespace wavestride
