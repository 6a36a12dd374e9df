#include <wavestride/lstm.h>
#include <wavestride/stack.h>

#include <algorithm>
#include <array>

#include "check.h"
#include "kernels/elementwise.h"
#include "kernels/gemv.h"

namespace wavestride {
namespace {

using kernels::Aligned;
using kernels::GemvWeights;
using kernels::padded;

struct LstmState final : KernelState {
  Aligned<float> hidden, cell;  // both padded

  explicit LstmState(Index channels)
      : hidden(static_cast<std::size_t>(padded(channels))), cell(hidden.size()) {}
  void reset() noexcept override {
    std::fill(hidden.begin(), hidden.end(), 0.0f);
    std::fill(cell.begin(), cell.end(), 0.0f);
  }
  Index bytes() const noexcept override {
    return static_cast<Index>((hidden.size() + cell.size()) * sizeof(float));
  }
};

/// One layer. Gates are kept in the order i, f, o, g, each padded to whole vectors, so that those of one
/// function lie side by side.
class LstmLayer final : public Kernel {
 public:
  explicit LstmLayer(const LstmWeights& w)
      : Kernel(message("lstm(", w.weight_ih.dim(1), " → ", w.weight_hh.dim(1), ")"),
               {{w.weight_ih.dim(1), conv_geometry(1, 1, 1, 0, 0), {}}}, w.weight_hh.dim(1)),
        stride_(padded(out_channels())),
        input_(packed(w.weight_ih)),
        recurrent_(packed(w.weight_hh)),
        bias_(static_cast<std::size_t>(4 * stride_)),
        parameters_(w.weight_ih.size() + w.weight_hh.size() +
                    static_cast<Index>(w.bias_ih.size() + w.bias_hh.size())) {
    for (Index o = 0; o < 4 * stride_; ++o)
      if (const Index row = row_of(o); row >= 0)
        for (const std::vector<float>* bias : {&w.bias_ih, &w.bias_hh})
          if (!bias->empty()) bias_[static_cast<std::size_t>(o)] += (*bias)[static_cast<std::size_t>(row)];
  }

  std::unique_ptr<KernelState> make_state() const override {
    return std::make_unique<LstmState>(out_channels());
  }

  Index scratch_bytes() const override { return at_once() * 4 * stride_ * static_cast<Index>(sizeof(float)); }

  void compute(const Work& work) const noexcept override {
    auto& state = static_cast<LstmState&>(*work.state);
    const Index in = inputs()[0].channels, out = out_channels(), width = 4 * stride_, zero = 0;
    auto* gates = static_cast<float*>(work.scratch);
    for (Index n = 0; n < work.count; n += at_once()) {
      const Index count = std::min(at_once(), work.count - n);
      kernels::gemv(input_, {}, {work.in[0] + n * in, in}, &zero, count, bias_.data(), {}, 1.0f,
                    {gates, width});
      for (Index j = 0; j < count; ++j) {
        step(state, gates + j * width);
        std::copy_n(state.hidden.data(), out, work.out + (n + j) * out);
      }
    }
  }

  Index parameters() const override { return parameters_; }
  double macs_per_frame() const override {
    return 4.0 * static_cast<double>(out_channels()) *
           static_cast<double>(inputs()[0].channels + out_channels());
  }

 private:
  /// Frames whose products with the input are made at once: so few that they stay in the nearer caches.
  Index at_once() const { return std::clamp<Index>((1 << 14) / stride_, 4, 64); }

  /// The row of the weights that gate value o is made by; -1: it is padding.
  Index row_of(Index o) const {
    static constexpr Index places[] = {0, 1, 3, 2};
    const Index c = o % stride_;
    return c < out_channels() ? places[o / stride_] * out_channels() + c : -1;
  }

  GemvWeights packed(const Tensor& w) const {
    return {4 * stride_, w.dim(1), 1, [&](Index o, Index c, Index) {
              const Index row = row_of(o);
              return row < 0 ? 0.0f : w.data[static_cast<std::size_t>(row * w.dim(1) + c)];
            }};
  }

  /// Moves the state on by a frame, of whose gates what the input makes is known.
  void step(LstmState& state, float* gates) const noexcept {
    const Index size = stride_, zero = 0;
    float *i = gates, *f = i + size, *o = f + size, *g = o + size;
    float *c = state.cell.data(), *h = state.hidden.data();
    kernels::gemv(recurrent_, {}, {h, 0}, &zero, 1, nullptr, {gates, 0}, 1.0f, {gates, 0});
    kernels::map(kernels::Function::sigmoid, 0, 0, gates, 3 * size, gates);
    kernels::map(kernels::Function::tanh, 0, 0, g, size, g);
    kernels::product(std::array<const float*, 2>{f, c}, size, f);
    kernels::product(std::array<const float*, 2>{i, g}, size, g);
    kernels::sum(std::array<const float*, 2>{f, g}, 1.0f, size, c);
    kernels::map(kernels::Function::tanh, 0, 0, c, size, h);
    kernels::product(std::array<const float*, 2>{h, o}, size, h);
  }

  Index stride_;  // from gate to gate
  GemvWeights input_, recurrent_;
  Aligned<float> bias_;
  Index parameters_;
};

/// `in`: what the layer before makes, 0 where there is none.
void check(const LstmWeights& w, std::size_t layer, Index in) {
  const std::vector<Index>&ih = w.weight_ih.shape, &hh = w.weight_hh.shape;
  require(hh.size() == 2 && !w.weight_hh.empty() && hh[0] % 4 == 0 && hh[0] / 4 == hh[1],
          "lstm: weight_hh of layer ", layer, " must have shape (4·hidden, hidden), got ", shape_string(hh));
  require(ih.size() == 2 && !w.weight_ih.empty() && ih[0] == hh[0] && (in == 0 || ih[1] == in),
          "lstm: weight_ih of layer ", layer, " must have shape (", hh[0], ", ", in > 0 ? message(in) : "in",
          "), got ", shape_string(ih));
  w.weight_hh.check();
  w.weight_ih.check();
  for (const std::vector<float>* bias : {&w.bias_ih, &w.bias_hh})
    require(bias->empty() || static_cast<Index>(bias->size()) == hh[0], "lstm: bias_",
            bias == &w.bias_ih ? "ih" : "hh", " of layer ", layer, " must have ", hh[0], " values, got ",
            bias->size());
}

}  // namespace

namespace op {

Op lstm(std::span<const LstmWeights> layers) {
  require(!layers.empty(), "lstm: must have a layer");
  std::vector<Op> ops;
  for (std::size_t l = 0; l < layers.size(); ++l) {
    check(layers[l], l, ops.empty() ? 0 : ops.back().out_channels());
    ops.push_back(Op(std::make_shared<LstmLayer>(layers[l])));
  }
  return ops.size() == 1 ? ops.front() : Stack(ops, "lstm");
}

}  // namespace op

Signal lstm(FramesView x, std::span<const LstmWeights> layers) {
  return op::lstm(layers)(x);
}

}  // namespace wavestride
