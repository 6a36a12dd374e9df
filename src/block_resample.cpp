#include "block_resample.h"

#include <algorithm>
#include <cmath>
#include <complex>
#include <numbers>
#include <utility>

#include "fft.h"
#include "kept_block.h"
#include "kernels/aligned.h"
#include "kernels/block_filter.h"

namespace wavestride {
namespace {

constexpr Index most_points = 6144;    // of a transform
constexpr Index most_responses = 6;    // between small transforms, per bin
constexpr Index most_factor = 1024;    // L or M
constexpr double worth_waiting = 0.8;  // a longer block takes less than this part of a shorter one's time

// Cycles for a point of a complex transform, as FFTW plans it without measuring (seen on Zen 5 and Granite
// Rapids with AVX-512): sizes with a large odd part take the most.
double transform_cycles(Index size, bool precise) {
  if (size % 2 != 0) return 11;
  if (size % 4 != 0) return precise ? 8.5 : 9;
  int large_primes = 0;
  for (const Index prime : {7, 11, 13})
    for (Index rest = size; rest % prime == 0; rest /= prime) ++large_primes;
  if (large_primes > 0) {
    if (!precise) return 3.9 + 1.15 * large_primes;
    return size > 2048 ? 9 : size % 8 == 0 ? 6.5 : 8;
  }
  double cycles = precise ? 4.4 : 2.3 + 0.25 * std::log2(static_cast<double>(size) / 1024);
  if (size % 3 == 0) cycles += 1.5;
  if (size > 2048) cycles += precise ? 3 : 1;
  for (Index rest = size / 5; rest % 5 == 0; rest /= 5) cycles += precise ? 1 : 1.3;
  return cycles;
}

// The largest number of outputs, a multiple of L, that read no more than `points` input frames.
Index largest_block(const Window& w, Index points) {
  const Index frames = points + w.first(0);
  Index periods = std::max<Index>(frames, 0) / w.num;
  while (periods > 0 && w.last(periods * w.den - 1) + 1 > frames) --periods;
  return periods * w.den;
}

// Of those that have a response where not all have.
Index highest_bin(const BlockShape& s) {
  return std::min(s.ins * s.in_size, s.out_size) * 5 / 8;
}

double cycles_of(const BlockShape& s, bool precise) {
  const double in = static_cast<double>(s.ins * s.in_size), out = static_cast<double>(s.outs * s.out_size);
  const double transforms =
      in * transform_cycles(s.in_size, precise) + out * transform_cycles(s.out_size, precise);
  const auto bins = static_cast<double>(s.ins * (s.whole() ? s.outs * s.in_size : 2 * highest_bin(s)));
  // Of one to three phases vectors are made.
  const double moves = (precise ? 0.8 : 1.8) + (std::max(s.ins, s.outs) > 3 ? 1.5 : 0);
  return (transforms + (precise ? 1.9 : 0.13) * bins + moves * (in + out)) / static_cast<double>(2 * s.block);
}

// Bins of every step-th sample of h, `at` being that of time 0, as one period of `transform`'s size.
kernels::Aligned<double> bins_of(const ComplexFft<double>& transform, std::span<const double> h, Index at,
                                 Index step) {
  const Index size = transform.size();
  kernels::Aligned<double> time(static_cast<std::size_t>(2 * size)), bins(time.size());
  Index d = -detail::affine_floor(at, 1, 0, step), point = d - detail::affine_floor(d, 1, 0, size) * size;
  for (; at + d * step < static_cast<Index>(h.size()); ++d, ++point) {
    if (point == size) point = 0;
    time[static_cast<std::size_t>(2 * point)] += h[static_cast<std::size_t>(at + d * step)];
  }
  transform(time.data(), bins.data());
  return bins;
}

// Bins 0 … highest of the transform of h at L times the input rate, of a period of `size` input samples: as
// many transforms of every L-th of its samples, each turned by its first sample's place.
std::vector<std::complex<double>> response_of(std::span<const double> h, const Window& window, Index size,
                                              Index highest) {
  const Index L = window.den, points = size * L, count = highest + 1;
  const ComplexFft<double> transform(ComplexFft<double>::Direction::forward, size);
  const auto bin = [](Index k) { return static_cast<std::size_t>(2 * k); };
  kernels::Aligned<double> step(bin(count)), turn(step.size()), next(step.size()), sum(step.size());
  for (Index k = 0; k < count; ++k) {
    const double angle = -2 * std::numbers::pi * static_cast<double>(k) / static_cast<double>(points);
    step[bin(k)] = std::cos(angle), step[bin(k) + 1] = std::sin(angle);
    turn[bin(k)] = 1 / static_cast<double>(points);
  }
  // Of what is symmetric around time 0, samples p and −p make conjugate values.
  const bool symmetric = static_cast<Index>(h.size()) == 2 * window.hi + 1 &&
                         std::equal(h.begin(), h.begin() + window.hi, h.rbegin());
  for (Index p = 0; p < (symmetric ? L / 2 + 1 : L); ++p) {
    kernels::Aligned<double> bins = bins_of(transform, h, p + window.hi, L);
    if (symmetric && p > 0 && 2 * p < L)
      for (double& value : bins) value *= 2;
    kernels::complex_product(turn.data(), bins.data(), count, true, sum.data());
    kernels::complex_product(turn.data(), step.data(), count, false, next.data());
    std::swap(turn, next);
  }
  std::vector<std::complex<double>> result;
  for (Index k = 0; k < count; ++k) result.emplace_back(sum[bin(k)], symmetric ? 0.0 : sum[bin(k) + 1]);
  return result;
}

template <class T>
class BlockFilterOf final : public BlockFilter {
 public:
  BlockFilterOf(const BlockShape& s, const Window& window, std::span<const double> h)
      : shape_(s),
        forward_(ComplexFft<T>::Direction::forward, s.in_size),
        inverse_(ComplexFft<T>::Direction::inverse, s.out_size) {
    window_ = window;
    block_ = s.block;
    before_ = -window.first(0);
    behind_ = window.last(block_ - 1) + 1;
    if (s.whole()) {
      parts_ = {{0, 0, s.in_size, false}};
      make_matrix(h);
    } else {
      // Bins beyond the lower Nyquist frequency, where the stopband begins and is least deep, count as well.
      const Index highest = highest_bin(s);
      const Index unmet = std::min(highest, s.out_size - highest - 1);
      parts_ = {{0, 0, highest + 1, false},
                {s.in_size - unmet, s.out_size - unmet, unmet, false},
                {s.in_size - highest, s.out_size - highest, highest - unmet, true}};
      make_response(h, highest, unmet);
    }
  }

  Index bytes() const override { return static_cast<Index>(response_.size() * sizeof(T)); }

  double macs() const override {
    const auto transforms = [](Index count, Index size) {
      return 2 * static_cast<double>(count * size) * std::log2(static_cast<double>(size));
    };
    const double sum = transforms(shape_.ins, shape_.in_size) + transforms(shape_.outs, shape_.out_size) +
                       2 * static_cast<double>(response_.size());
    return sum / static_cast<double>(pair());
  }

  std::unique_ptr<Memory> make_memory() const override { return std::make_unique<MemoryOf>(shape_); }

  void run(const float* in, Index step, float* out, Memory& memory) const noexcept override {
    auto& m = static_cast<MemoryOf&>(memory);
    const float* const second = in + block_ / window_.den * window_.num * step;
    // The first output's own frame is the first point; frames before it are the last ones.
    take(in + before_ * step, second + before_ * step, step, 0, behind_, m.in.data());
    take(in, second, step, shape_.ins * shape_.in_size - before_, before_, m.in.data());
    const T* h = response_.data();
    for (Index p = 0; p < shape_.ins; ++p) {
      forward_(m.in.data() + 2 * p * apart(shape_.in_size), m.in_bins.data());
      for (Index l = 0; l < shape_.outs; ++l) {
        T* const bins = m.out_bins.data() + 2 * l * apart(shape_.out_size);
        for (const Part& part : parts_) {
          kernels::complex_product(h, m.in_bins.data() + 2 * part.in, part.count, p > 0 || part.add,
                                   bins + 2 * part.out);
          h += 2 * part.count;
        }
        if (p + 1 == shape_.ins) inverse_(bins, m.out.data() + 2 * l * apart(shape_.out_size));
      }
    }
    kernels::from_complex(m.out.data(), shape_.outs, block_ / shape_.outs, apart(shape_.out_size), out,
                          out + block_ * step, step);
  }

 private:
  // From one transform's points to the next: whole lines of the cache, and a few more than the points take,
  // lest they all fall on the same ones.
  static Index apart(Index size) { return (size + 7) / 8 * 8 + 16; }

  // Points from `point` on, of two blocks.
  void take(const float* a, const float* b, Index step, Index point, Index count, T* points) const noexcept {
    const Index ins = shape_.ins, size = apart(shape_.in_size);
    const auto some = [&](Index number, Index phases) {
      kernels::to_complex(a, b, step, phases, number / phases, size,
                          points + 2 * (point % ins * size + point / ins));
      a += number * step, b += number * step, point += number, count -= number;
    };
    while (count > 0 && point % ins != 0) some(1, 1);
    some(count / ins * ins, ins);
    while (count > 0) some(1, 1);
  }

  // Bins of the input and of the output with responses between.
  struct Part {
    Index in, out, count;
    bool add;  // to what others have made of these bins of the output
  };

  // What no step writes stays 0: points behind the last frame, bins of the stopband.
  struct MemoryOf final : Memory {
    explicit MemoryOf(const BlockShape& s)
        : in(static_cast<std::size_t>(2 * s.ins * apart(s.in_size))),
          in_bins(static_cast<std::size_t>(2 * s.in_size)),
          out_bins(static_cast<std::size_t>(2 * s.outs * apart(s.out_size))),
          out(out_bins.size()) {}
    Index bytes() const override {
      return static_cast<Index>((in.size() + in_bins.size() + 2 * out.size()) * sizeof(T));
    }
    kernels::Aligned<T> in, in_bins, out_bins, out;
  };

  void add_response(std::complex<double> value) {
    response_.push_back(static_cast<T>(value.real()));
    response_.push_back(static_cast<T>(value.imag()));
  }

  // Output l + L·i and input p + M·j meet the sample (l·M − p·L) + L·M·(i − j) of h, from `last` on.
  void make_matrix(std::span<const double> h) {
    const Index L = window_.den, M = window_.num;
    const ComplexFft<double> transform(ComplexFft<double>::Direction::forward, shape_.in_size);
    for (Index p = 0; p < M; ++p)
      for (Index l = 0; l < L; ++l)
        for (const double value : bins_of(transform, h, l * M - p * L + window_.hi, L * M))
          response_.push_back(static_cast<T>(value / static_cast<double>(shape_.in_size)));
  }

  // Of the negative bins, `unmet` meet no positive one in the output.
  void make_response(std::span<const double> h, Index highest, Index unmet) {
    const Index size = shape_.ins * shape_.in_size;
    const std::vector<std::complex<double>> bins = response_of(h, window_, size, highest);
    // A bin of all samples is the sum of those of every ins-th, each turned by its first sample's place.
    for (Index p = 0; p < shape_.ins; ++p) {
      const auto value = [&](Index k) {
        const double angle = -2 * std::numbers::pi * static_cast<double>(p * k) / static_cast<double>(size);
        return bins[static_cast<std::size_t>(k)] * std::polar(1.0, angle);
      };
      for (Index k = 0; k <= highest; ++k) add_response(value(k));
      for (Index k = unmet; k > 0; --k) add_response(std::conj(value(k)));
      for (Index k = highest; k > unmet; --k) add_response(std::conj(value(k)));
    }
  }

  BlockShape shape_;
  ComplexFft<T> forward_, inverse_;
  Index before_, behind_;  // frames of a block before its first output's own, and from there on
  std::vector<Part> parts_;
  kernels::Aligned<T> response_;
};

class BlockResample final : public Kernel {
 public:
  BlockResample(std::string name, Index channels, std::shared_ptr<const BlockFilter> filter)
      : Kernel(std::move(name), {{channels, geometry_of(*filter), {}}}, channels),
        filter_(std::move(filter)) {}

  std::unique_ptr<KernelState> make_state() const override {
    return std::make_unique<State>(filter_->make_memory(), filter_->pair(), out_channels());
  }

  void compute(const Work& work) const noexcept override {
    auto& state = static_cast<State&>(*work.state);
    const Index size = filter_->pair(), channels = out_channels(), end = work.n + work.count;
    const Index start = inputs()[0].geometry.window.first(work.n);
    const auto make = [&](Index pair, float* out) {
      for (Index c = 0; c < channels; ++c)
        filter_->run(work.in[0] + (filter_->window().first(pair * size) - start) * channels + c, channels,
                     out + c, *state.memory);
    };
    for (Index pair = work.n / size; pair * size < end; ++pair)
      if (pair * size >= work.n && (pair + 1) * size <= end) {
        make(pair, work.out + (pair * size - work.n) * channels);
      } else {
        if (state.number() != pair) make(pair, state.keep(pair));
        state.give(work.n, work.count, work.out);
      }
  }

  double macs_per_frame() const override { return static_cast<double>(out_channels()) * filter_->macs(); }

 private:
  struct State final : detail::KeptBlock {
    State(std::unique_ptr<BlockFilter::Memory> m, Index frames, Index channels)
        : KeptBlock(frames, channels), memory(std::move(m)) {}
    Index bytes() const noexcept override { return KeptBlock::bytes() + memory->bytes(); }
    std::unique_ptr<BlockFilter::Memory> memory;
  };

  static Geometry geometry_of(const BlockFilter& filter) {
    const Window w = window_of_pairs(filter.window(), filter.pair());
    return {w, {w.den, w.num - 1, w.num, 0}};
  }

  std::shared_ptr<const BlockFilter> filter_;
};

}  // namespace

Window window_of_pairs(const Window& filter, Index pair) {
  const Index others = (pair - 1) * filter.num;
  return {filter.num, filter.den, filter.lo - others, filter.hi + others};
}

std::optional<BlockShape> block_shape(const Window& w, bool precise) {
  const Index L = w.den, M = w.num;
  if (std::max(L, M) > most_factor || w.first(0) > 0) return {};
  std::vector<BlockShape> shapes;
  const auto add = [&](BlockShape s) {
    if (!ComplexFft<float>::is_fast(s.in_size) || !ComplexFft<float>::is_fast(s.out_size)) return;
    if (!s.whole() && s.in_size <= highest_bin(s)) return;
    s.block = largest_block(w, s.ins * s.in_size);
    if (s.block == 0) return;
    s.cycles = cycles_of(s, precise);
    shapes.push_back(s);
  };
  if (L * M <= most_responses)
    for (Index size = 64; size <= most_points / 2; size *= 2)
      for (const Index points : {size, size / 4 * 5}) add({M, points, L, points, 0, 0});
  else
    for (Index periods = 1; periods * std::max(L, M) <= most_points; ++periods)
      for (const Index ins : {1, 3})
        if (periods * M % ins == 0) add({ins, periods * M / ins, 1, periods * L, 0, 0});
  if (shapes.empty()) return {};
  std::sort(shapes.begin(), shapes.end(), [](const BlockShape& a, const BlockShape& b) {
    return std::pair(a.block, a.cycles) < std::pair(b.block, b.cycles);
  });
  BlockShape best = shapes.front();
  for (const BlockShape& s : shapes)
    if (s.cycles < worth_waiting * best.cycles) best = s;
  return best;
}

std::shared_ptr<const BlockFilter> make_block_filter(const BlockShape& shape, const Window& window,
                                                     std::span<const double> h, bool precise) {
  if (precise) return std::make_shared<const BlockFilterOf<double>>(shape, window, h);
  return std::make_shared<const BlockFilterOf<float>>(shape, window, h);
}

std::shared_ptr<const Kernel> block_resample(std::string name, Index channels,
                                             std::shared_ptr<const BlockFilter> filter) {
  return std::make_shared<const BlockResample>(std::move(name), channels, std::move(filter));
}

}  // namespace wavestride
