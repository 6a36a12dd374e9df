#include <wavestride/conv1d.h>
#include <wavestride/conv_transpose1d.h>
#include <wavestride/pqmf.h>

#include <cmath>
#include <numbers>

#include "check.h"
#include "filter_design.h"
#include "graph.h"

namespace wavestride {
namespace {

constexpr double pi = std::numbers::pi;

// Of filter k, taps 0 … taps; `sign` is that of the phase π/4: 1 for analysis, −1 for synthesis.
std::vector<std::vector<double>> filters(const char* op, const PqmfOptions& o, double sign) {
  require(o.subbands >= 1 && o.subbands <= 1024, op, ": subbands must be 1 to 1024, got ", o.subbands);
  require(o.taps >= 2 * o.subbands && o.taps <= 65'536 && o.taps % 2 == 0, op, ": taps must be even, from ",
          2 * o.subbands, " to 65536, got ", o.taps);
  require(o.cutoff_ratio > 0 && o.cutoff_ratio < 1, op, ": cutoff_ratio must lie between 0 and 1, got ",
          o.cutoff_ratio);
  require(o.beta >= 0 && o.beta <= 100, op, ": beta must be 0 to 100, got ", o.beta);
  const auto half = static_cast<double>(o.taps) / 2, n = static_cast<double>(o.subbands);
  std::vector<std::vector<double>> bank(static_cast<std::size_t>(o.subbands));
  for (std::size_t k = 0; k < bank.size(); ++k)
    for (Index m = 0; m <= o.taps; ++m) {
      const double t = static_cast<double>(m) - half;
      const double window = bessel_i0(o.beta * std::sqrt(1 - t / half * (t / half))) / bessel_i0(o.beta);
      const double prototype = o.cutoff_ratio * sinc(o.cutoff_ratio * t) * window;
      const double quarter = (k % 2 == 0 ? sign : -sign) * pi / 4;
      bank[k].push_back(2 * prototype *
                        std::cos((2 * static_cast<double>(k) + 1) * pi / (2 * n) * t + quarter));
    }
  return bank;
}

/// A convolution whose filters are designed, not learned.
class FilterBank final : public Kernel {
 public:
  FilterBank(const char* name, Index subbands, Index taps, const Op& convolution)
      : FilterBank(message(name, "(", subbands, " subbands, ", taps, " taps)"),
                   convolution.graph()->nodes.front().kernel) {}

  void compute(const Work& work) const noexcept override { convolution_->compute(work); }
  double macs_per_frame() const override { return convolution_->macs_per_frame(); }

 private:
  FilterBank(std::string name, std::shared_ptr<const Kernel> convolution)
      : Kernel(std::move(name), convolution->inputs(), convolution->out_channels()),
        convolution_(std::move(convolution)) {}

  std::shared_ptr<const Kernel> convolution_;
};

}  // namespace

namespace op {

Op pqmf_analysis(const PqmfOptions& o) {
  const auto bank = filters("pqmf_analysis", o, 1);
  Tensor weight({o.subbands, 1, o.taps + 1});
  float* to = weight.data.data();
  for (const auto& filter : bank) to = std::copy(filter.begin(), filter.end(), to);
  // A last frame stands only where N samples do.
  const Op convolution =
      conv1d(weight, {}, {.stride = o.subbands, .padding = {o.taps / 2, o.taps / 2 - o.subbands + 1}});
  return Op(std::make_shared<FilterBank>("pqmf_analysis", o.subbands, o.taps, convolution));
}

Op pqmf_synthesis(const PqmfOptions& o) {
  const auto bank = filters("pqmf_synthesis", o, -1);
  Tensor rows({o.subbands, o.taps + 1});
  float* to = rows.data.data();
  for (const auto& filter : bank)
    for (const double tap : filter) *to++ = static_cast<float>(tap);
  return pqmf_synthesis(rows);
}

Op pqmf_synthesis(const Tensor& filters) {
  const auto& shape = filters.shape;
  require(
      shape.size() == 2 && shape[0] >= 1 && shape[1] % 2 == 1 && shape[1] > 2 * shape[0],
      "pqmf_synthesis: filters must have shape (subbands, taps + 1), taps even and at least 2·subbands, got ",
      shape_string(shape));
  const Index subbands = shape[0], taps = shape[1] - 1;
  Tensor weight({subbands, 1, taps + 1});  // of a transposed convolution: turned round
  for (Index k = 0; k < subbands; ++k)
    for (Index m = 0; m <= taps; ++m)
      weight.data[static_cast<std::size_t>(k * (taps + 1) + m)] =
          static_cast<float>(subbands) * filters.data[static_cast<std::size_t>(k * (taps + 1) + taps - m)];
  const Op convolution =
      conv_transpose1d(weight, {}, {.stride = subbands, .padding = taps / 2, .output_padding = subbands - 1});
  return Op(std::make_shared<FilterBank>("pqmf_synthesis", subbands, taps, convolution));
}

}  // namespace op

Signal pqmf_analysis(FramesView x, const PqmfOptions& options) {
  return op::pqmf_analysis(options)(x);
}

Signal pqmf_synthesis(FramesView subbands, const PqmfOptions& options) {
  return op::pqmf_synthesis(options)(subbands);
}

}  // namespace wavestride
