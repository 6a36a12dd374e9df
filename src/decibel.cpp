#include <wavestride/activation.h>
#include <wavestride/decibel.h>
#include <wavestride/mel.h>
#include <wavestride/stack.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "check.h"
#include "kernels/elementwise.h"
#include "kernels/pooling.h"
#include "peak_range.h"
#include "whole_signal.h"

namespace wavestride {
namespace {

class PeakRange final : public WholeSignalKernel {
 public:
  PeakRange(Index channels, double range, const char* option)
      : WholeSignalKernel(message("peak_range(", range, ")"), channels, channels,
                          message("its lower limit is relative to the maximum of the whole signal; set ",
                                  option, " to 0 to stream")),
        range_(static_cast<float>(range)) {}

  std::unique_ptr<KernelState> make_state() const override { return std::make_unique<Peak>(); }

  void compute(const Work& work) const noexcept override {
    float& peak = static_cast<Peak&>(*work.state).value;
    const Index channels = out_channels();
    if (work.n == 0) peak = maximum(work.in[0], work.length[0] * channels);
    kernels::map(kernels::Function::clip, peak - range_, std::numeric_limits<float>::infinity(),
                 work.in[0] + work.n * channels, work.count * channels, work.out);
  }

 private:
  // NaN is none.
  static float maximum(const float* x, Index size) noexcept {
    constexpr Index lanes = 8;
    float most[lanes];
    std::fill_n(most, lanes, -std::numeric_limits<float>::infinity());
    for (Index i = 0; i < size; i += lanes)
      for (Index j = 0; j < std::min(lanes, size - i); ++j)
        if (x[i + j] > most[j]) most[j] = x[i + j];
    return *std::max_element(most, most + lanes);
  }

  struct Peak : KernelState {
    Index bytes() const noexcept override { return sizeof value; }
    float value = 0;
  };
  float range_;
};

// As a float, too.
bool positive(double value) {
  const auto single = static_cast<float>(value);
  return single > 0 && std::isfinite(single);
}

Op to_db(const char* op, Index channels, DecibelOptions o, double usual_amin, double scale) {
  constexpr Index most = Index{1} << 24;
  require(channels > 0 && channels <= most, op, ": channels must be 1 to ", most, ", got ", channels);
  if (o.amin == 0) o.amin = usual_amin;
  require(positive(o.ref), op, ": ref must be above 0 and finite, got ", o.ref);
  require(positive(static_cast<double>(static_cast<float>(o.amin))), op,
          ": amin must be above 0 and finite, and a float, got ", o.amin);
  require(o.top_db >= 0, op, ": top_db must be 0 or more, got ", o.top_db);
  std::vector<Op> ops{op::mel_compress({.n_mels = channels,
                                        .log = LogKind::db,
                                        .floor = o.amin,
                                        .scale = scale,
                                        .offset = -20 * scale * std::log10(std::max(o.ref, o.amin))})};
  if (o.top_db > 0) ops.push_back(peak_range(channels, o.top_db, "top_db"));
  std::string name = message(op, "(", channels, ", ref ", o.ref, ", amin ", o.amin);
  if (o.top_db > 0) name += message(", top_db ", o.top_db);
  return Stack(ops, name + ")");
}

Op from_db(const char* op, Index channels, double ref, double per_decade) {
  require(channels > 0, op, ": channels must be positive, got ", channels);
  require(positive(ref), op, ": ref must be above 0 and finite, got ", ref);
  std::vector<Op> ops{op::scale(channels, static_cast<float>(std::numbers::ln10 / per_decade)),
                      op::exp(channels)};
  if (ref != 1) ops.push_back(op::scale(channels, static_cast<float>(ref)));
  return Stack(ops, message(op, "(", channels, ", ref ", ref, ")"));
}

}  // namespace

Op peak_range(Index channels, double range, const char* option) {
  return Op(std::make_shared<PeakRange>(channels, range, option));
}

namespace op {

Op amplitude_to_db(Index channels, const DecibelOptions& options) {
  return to_db("amplitude_to_db", channels, options, 1e-5, 1);
}
Op power_to_db(Index channels, const DecibelOptions& options) {
  return to_db("power_to_db", channels, options, 1e-10, 0.5);
}
Op db_to_amplitude(Index channels, double ref) {
  return from_db("db_to_amplitude", channels, ref, 20);
}
Op db_to_power(Index channels, double ref) {
  return from_db("db_to_power", channels, ref, 10);
}

}  // namespace op

Signal amplitude_to_db(FramesView x, const DecibelOptions& options) {
  return op::amplitude_to_db(x.channels(), options)(x);
}
Signal power_to_db(FramesView x, const DecibelOptions& options) {
  return op::power_to_db(x.channels(), options)(x);
}
Signal db_to_amplitude(FramesView x, double ref) {
  return op::db_to_amplitude(x.channels(), ref)(x);
}
Signal db_to_power(FramesView x, double ref) {
  return op::db_to_power(x.channels(), ref)(x);
}

}  // namespace wavestride
