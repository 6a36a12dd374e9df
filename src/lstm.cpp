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

/// What is known of a layer of either kind.
struct RecurrentWeights {
  template <class Weights>
  explicit RecurrentWeights(const Weights& w)
      : weight_ih(w.weight_ih), weight_hh(w.weight_hh), bias_ih(w.bias_ih), bias_hh(w.bias_hh) {}
  const Tensor &weight_ih, &weight_hh;
  const std::vector<float>&bias_ih, &bias_hh;
};

struct State final : KernelState {
  Aligned<float> hidden, memory;  // both of padded channels: `memory` is the cell, or room for a GRU's gates

  State(Index hidden_size, Index memory_size)
      : hidden(static_cast<std::size_t>(hidden_size)), memory(static_cast<std::size_t>(memory_size)) {}
  void reset() noexcept override {
    std::fill(hidden.begin(), hidden.end(), 0.0f);
    std::fill(memory.begin(), memory.end(), 0.0f);
  }
  Index bytes() const noexcept override {
    return static_cast<Index>((hidden.size() + memory.size()) * sizeof(float));
  }
};

/// One layer. Gates are each padded to whole vectors, so that those of one function lie side by side; an
/// LSTM's are kept in the order i, f, o, g.
class RecurrentLayer final : public Kernel {
 public:
  RecurrentLayer(const char* name, Index gates, const RecurrentWeights& w)
      : Kernel(message(name, "(", w.weight_ih.dim(1), " → ", w.weight_hh.dim(1), ")"),
               {{w.weight_ih.dim(1), conv_geometry(1, 1, 1, 0, 0), {}}}, w.weight_hh.dim(1)),
        gates_(gates),
        stride_(padded(out_channels())),
        input_(packed(w.weight_ih)),
        recurrent_(packed(w.weight_hh)),
        bias_(static_cast<std::size_t>(gates * stride_)),
        parameters_(w.weight_ih.size() + w.weight_hh.size() +
                    static_cast<Index>(w.bias_ih.size() + w.bias_hh.size())) {
    if (is_gru()) new_bias_.resize(bias_.size());
    for (Index o = 0; o < gates * stride_; ++o) {
      const auto at = static_cast<std::size_t>(o), row = static_cast<std::size_t>(row_of(o));
      if (row_of(o) < 0) continue;
      if (!w.bias_ih.empty()) bias_[at] += w.bias_ih[row];
      if (!w.bias_hh.empty()) (is_gru() && o >= 2 * stride_ ? new_bias_ : bias_)[at] += w.bias_hh[row];
    }
  }

  std::unique_ptr<KernelState> make_state() const override {
    return std::make_unique<State>(stride_, is_gru() ? 3 * stride_ : stride_);
  }

  Index scratch_bytes() const override {
    return at_once() * gates_ * stride_ * static_cast<Index>(sizeof(float));
  }

  void compute(const Work& work) const noexcept override {
    auto& state = static_cast<State&>(*work.state);
    const Index in = inputs()[0].channels, out = out_channels(), width = gates_ * stride_, zero = 0;
    auto* gates = static_cast<float*>(work.scratch);
    for (Index n = 0; n < work.count; n += at_once()) {
      const Index count = std::min(at_once(), work.count - n);
      kernels::gemv(input_, {}, {work.in[0] + n * in, in}, &zero, count, bias_.data(), {}, 1.0f,
                    {gates, width});
      for (Index j = 0; j < count; ++j) {
        float* const each = gates + j * width;
        is_gru() ? step_gru(state, each) : step_lstm(state, each);
        std::copy_n(state.hidden.data(), out, work.out + (n + j) * out);
      }
    }
  }

  Index parameters() const override { return parameters_; }
  double macs_per_frame() const override {
    return static_cast<double>(gates_ * out_channels()) *
           static_cast<double>(inputs()[0].channels + out_channels());
  }

 private:
  bool is_gru() const { return gates_ == 3; }

  /// Frames whose products with the input are made at once: so few that they stay in the nearer caches.
  Index at_once() const { return std::clamp<Index>((1 << 14) / stride_, 4, 64); }

  /// The row of the weights that gate value o is made by; -1: it is padding.
  Index row_of(Index o) const {
    static constexpr Index places[] = {0, 1, 3, 2};
    const Index c = o % stride_, gate = o / stride_;
    return c < out_channels() ? (is_gru() ? gate : places[gate]) * out_channels() + c : -1;
  }

  GemvWeights packed(const Tensor& w) const {
    return {gates_ * stride_, w.dim(1), 1, [&](Index o, Index c, Index) {
              const Index row = row_of(o);
              return row < 0 ? 0.0f : w.data[static_cast<std::size_t>(row * w.dim(1) + c)];
            }};
  }

  /// Moves the state on by a frame, of whose gates what the input makes is known.
  void step_lstm(State& state, float* gates) const noexcept {
    const Index size = stride_, zero = 0;
    float *i = gates, *f = i + size, *o = f + size, *g = o + size;
    float *c = state.memory.data(), *h = state.hidden.data();
    kernels::gemv(recurrent_, {}, {h, 0}, &zero, 1, nullptr, {gates, 0}, 1.0f, {gates, 0});
    kernels::map(kernels::Function::sigmoid, 0, 0, gates, 3 * size, gates);
    kernels::map(kernels::Function::tanh, 0, 0, g, size, g);
    multiply(f, c, f);
    multiply(i, g, i);
    add(f, i, size, c);
    kernels::map(kernels::Function::tanh, 0, 0, c, size, h);
    multiply(h, o, h);
  }

  void step_gru(State& state, float* gates) const noexcept {
    const Index size = stride_, zero = 0;
    float *r = gates, *z = r + size, *n = z + size;
    float *more = state.memory.data(), *h = state.hidden.data();
    kernels::gemv(recurrent_, {}, {h, 0}, &zero, 1, new_bias_.data(), {}, 1.0f, {more, 0});
    add(gates, more, 2 * size, gates);
    kernels::map(kernels::Function::sigmoid, 0, 0, gates, 2 * size, gates);
    multiply(r, more + 2 * size, r);
    add(n, r, size, n);
    kernels::map(kernels::Function::tanh, 0, 0, n, size, n);
    kernels::map(kernels::Function::scale, -1, 0, n, size, r);
    add(h, r, size, r);
    multiply(z, r, r);
    add(n, r, size, h);
  }

  void multiply(const float* a, const float* b, float* out) const noexcept {
    kernels::product(std::array{a, b}, stride_, out);
  }
  static void add(const float* a, const float* b, Index size, float* out) noexcept {
    kernels::sum(std::array{a, b}, 1.0f, size, out);
  }

  Index gates_, stride_;  // from gate to gate
  GemvWeights input_, recurrent_;
  Aligned<float> bias_, new_bias_;  // the latter of a GRU's gate n, from the hidden values
  Index parameters_;
};

/// `in`: what the layer before makes, 0 where there is none.
void check(const char* op, Index gates, const RecurrentWeights& w, std::size_t layer, Index in) {
  const std::vector<Index>&ih = w.weight_ih.shape, &hh = w.weight_hh.shape;
  require(hh.size() == 2 && !w.weight_hh.empty() && hh[0] % gates == 0 && hh[0] / gates == hh[1], op,
          ": weight_hh of layer ", layer, " must have shape (", gates, "·hidden, hidden), got ",
          shape_string(hh));
  require(ih.size() == 2 && !w.weight_ih.empty() && ih[0] == hh[0] && (in == 0 || ih[1] == in), op,
          ": weight_ih of layer ", layer, " must have shape (", hh[0], ", ", in > 0 ? message(in) : "in",
          "), got ", shape_string(ih));
  w.weight_hh.check();
  w.weight_ih.check();
  for (const std::vector<float>* bias : {&w.bias_ih, &w.bias_hh})
    require(bias->empty() || static_cast<Index>(bias->size()) == hh[0], op, ": bias_",
            bias == &w.bias_ih ? "ih" : "hh", " of layer ", layer, " must have ", hh[0], " values, got ",
            bias->size());
}

Op recurrent(const char* op, Index gates, std::span<const RecurrentWeights> layers) {
  require(!layers.empty(), op, ": must have a layer");
  std::vector<Op> ops;
  for (std::size_t l = 0; l < layers.size(); ++l) {
    check(op, gates, layers[l], l, ops.empty() ? 0 : ops.back().out_channels());
    ops.push_back(Op(std::make_shared<RecurrentLayer>(op, gates, layers[l])));
  }
  return ops.size() == 1 ? ops.front() : Stack(ops, op);
}

}  // namespace

namespace op {

Op lstm(std::span<const LstmWeights> layers) {
  return recurrent("lstm", 4, std::vector<RecurrentWeights>(layers.begin(), layers.end()));
}

Op gru(std::span<const GruWeights> layers) {
  return recurrent("gru", 3, std::vector<RecurrentWeights>(layers.begin(), layers.end()));
}

}  // namespace op

Signal lstm(FramesView x, std::span<const LstmWeights> layers) {
  return op::lstm(layers)(x);
}

Signal gru(FramesView x, std::span<const GruWeights> layers) {
  return op::gru(layers)(x);
}

}  // namespace wavestride
