#include "fft.h"

#include <fftw3.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <complex>
#include <map>
#include <mutex>
#include <new>
#include <numbers>
#include <vector>

#include "check.h"
#include "kernels/aligned.h"
#include "kernels/spectral.h"

namespace wavestride {
namespace {

float* allocate(Index n) {
  float* p = fftwf_alloc_real(static_cast<std::size_t>(n));
  if (!p) throw std::bad_alloc();
  std::fill_n(p, n, 0.0f);
  return p;
}

fftwf_complex* as_complex(float* values) {
  return reinterpret_cast<fftwf_complex*>(values);
}

bool has_small_factors(Index size) {
  for (const Index prime : {2, 3, 5, 7, 11, 13})
    while (size % prime == 0) size /= prime;
  return size == 1;
}

/// Whether FFTW transforms `size` real values without allocating memory while it does.
bool direct(Index size) {
  return size <= 16 || (size % 2 == 0 && has_small_factors(size));
}

// Making plans is the one thing that FFTW does not allow on several threads at once.
std::mutex& planner() {
  static std::mutex mutex;
  return mutex;
}

}  // namespace

void RealFft::Free::operator()(float* p) const noexcept {
  fftwf_free(p);
}

// Even sizes are complex transforms of half the size and one step more, since FFTW finds twice as fast plans
// for complex ones without measuring. Sizes for which FFTW would allocate at every transform go through
// Bluestein's: kn = (k² + n² − (k−n)²)/2 makes the transform a convolution with the chirp exp(πi·m²/size),
// done by transforms of a power of two.
struct RealFft::Plans {
  explicit Plans(Index n) : size(n), padded(direct(n) ? 0 : std::bit_ceil(static_cast<std::size_t>(2 * n))) {
    if (!padded && size % 2 == 0) half = kernels::HalfSpectrum(size / 2);
    const Memory a(allocate(2 * std::max(size, length()))), b(allocate(2 * std::max(size, length())));
    const int points = static_cast<int>(padded ? length() : halved() ? size / 2 : size);
    constexpr unsigned flags = FFTW_ESTIMATE;
    if (!padded && !halved()) {
      forward = fftwf_plan_dft_r2c_1d(points, a.get(), as_complex(b.get()), flags);
      inverse = fftwf_plan_dft_c2r_1d(points, as_complex(b.get()), a.get(), flags);
    } else {
      forward = fftwf_plan_dft_1d(points, as_complex(a.get()), as_complex(b.get()), FFTW_FORWARD, flags);
      inverse = fftwf_plan_dft_1d(points, as_complex(b.get()), as_complex(a.get()), FFTW_BACKWARD, flags);
    }
    require(forward && inverse, "fft: FFTW has no plan for size ", size);
    if (padded) make_chirp(a.get(), b.get());
  }

  Index length() const { return static_cast<Index>(padded); }
  bool halved() const { return half.half() > 0; }

  void make_chirp(float* a, float* b) {
    std::fill_n(a, 2 * length(), 0.0f);
    for (Index m = 0; m < size; ++m) {
      const double phase =
          std::numbers::pi * static_cast<double>(m * m % (2 * size)) / static_cast<double>(size);
      const std::complex<float> c(std::polar(1.0, phase));
      chirp.push_back(std::conj(c));
      for (const Index at : {m, (length() - m) % length()}) a[2 * at] = c.real(), a[2 * at + 1] = c.imag();
    }
    fftwf_execute_dft(forward, as_complex(a), as_complex(b));
    const float scale = 1 / static_cast<float>(length());
    for (Index k = 0; k < length(); ++k) response.emplace_back(b[2 * k] * scale, b[2 * k + 1] * scale);
  }

  /// Σ_n x(n) · exp(−2πi·kn/size), given to y(k, value) for k < count.
  template <class X, class Y>
  void transform(Buffers& buffers, X&& x, Index count, Y&& y) const noexcept {
    float *a = buffers.work_memory_[0].get(), *b = buffers.work_memory_[1].get();
    const auto store = [](float* to, std::complex<float> z) { to[0] = z.real(), to[1] = z.imag(); };
    for (Index n = 0; n < size; ++n) store(a + 2 * n, product(x(n), chirp[static_cast<std::size_t>(n)]));
    std::fill(a + 2 * size, a + 2 * length(), 0.0f);
    fftwf_execute_dft(forward, as_complex(a), as_complex(b));
    for (Index k = 0; k < length(); ++k)
      store(b + 2 * k, product({b[2 * k], b[2 * k + 1]}, response[static_cast<std::size_t>(k)]));
    fftwf_execute_dft(inverse, as_complex(b), as_complex(a));
    for (Index k = 0; k < count; ++k)
      y(k, product({a[2 * k], a[2 * k + 1]}, chirp[static_cast<std::size_t>(k)]));
  }

  /// The operator of std::complex looks for infinities, at a price.
  static std::complex<float> product(std::complex<float> a, std::complex<float> b) {
    return {a.real() * b.real() - a.imag() * b.imag(), a.real() * b.imag() + a.imag() * b.real()};
  }

  Index size;
  std::size_t padded;  // transform length of the convolution; 0: FFTW does this size itself
  fftwf_plan forward, inverse;
  kernels::HalfSpectrum half;  // of even sizes that FFTW does itself
  std::vector<std::complex<float>> chirp, response;
};

RealFft::Buffers::Buffers(const RealFft& fft)
    : time_memory_(allocate(fft.size())), spectrum_memory_(allocate(2 * fft.bins())) {
  time = {time_memory_.get(), static_cast<std::size_t>(fft.size())};
  spectrum = {spectrum_memory_.get(), static_cast<std::size_t>(2 * fft.bins())};
  Index floats = fft.size() + 2 * fft.bins();
  const auto work = [&](Memory& m, Index size) {
    m.reset(allocate(size));
    floats += size;
  };
  if (fft.plans_->halved()) work(work_memory_[0], fft.size());
  if (fft.plans_->padded)
    for (Memory& m : work_memory_) work(m, 2 * fft.plans_->length());
  bytes_ = floats * static_cast<Index>(sizeof(float));
}

// Plans live as long as the process: a stream may still run while static objects are destroyed.
std::shared_ptr<const RealFft::Plans> RealFft::plans(Index size) {
  static auto& cache = *new std::map<Index, std::shared_ptr<const Plans>>;
  const std::lock_guard lock(planner());
  auto& plans = cache[size];
  if (!plans) plans = std::make_shared<const Plans>(size);
  return plans;
}

RealFft::RealFft(Index size) : size_(size) {
  require(size >= 1 && size <= max_size, "fft: size must be 1 to ", max_size, ", got ", size);
  plans_ = plans(size);
}

void RealFft::forward(Buffers& b, float* spectrum) const noexcept {
  if (plans_->halved()) {
    float* z = b.work_memory_[0].get();
    fftwf_execute_dft(plans_->forward, as_complex(b.time.data()), as_complex(z));
    plans_->half.to_real(z, spectrum);
    return;
  }
  if (!plans_->padded) {
    fftwf_execute_dft_r2c(plans_->forward, b.time.data(), as_complex(b.spectrum.data()));
    if (spectrum != b.spectrum.data()) std::copy(b.spectrum.begin(), b.spectrum.end(), spectrum);
    return;
  }
  plans_->transform(
      b, [x = b.time.data()](Index n) { return std::complex<float>(x[n]); }, bins(),
      [spectrum](Index k, std::complex<float> z) {
        spectrum[2 * k] = z.real();
        spectrum[2 * k + 1] = z.imag();
      });
}

void RealFft::inverse(Buffers& b) const noexcept {
  float* in = b.spectrum.data();
  if (plans_->halved()) {
    float* z = b.work_memory_[0].get();
    plans_->half.from_real(in, z);
    fftwf_execute_dft(plans_->inverse, as_complex(z), as_complex(b.time.data()));
    return;
  }
  in[1] = 0.0f;
  if (size_ % 2 == 0) in[size_ + 1] = 0.0f;
  if (!plans_->padded) {
    fftwf_execute_dft_c2r(plans_->inverse, as_complex(in), b.time.data());
    return;
  }
  // The inverse transform of X is the forward one of its conjugate, where the result is real.
  plans_->transform(
      b,
      [in, this](Index k) {
        return k < bins() ? std::complex<float>(in[2 * k], -in[2 * k + 1])
                          : std::complex<float>(in[2 * (size_ - k)], in[2 * (size_ - k) + 1]);
      },
      size_, [out = b.time.data()](Index n, std::complex<float> z) { out[n] = z.real(); });
}

namespace {

template <class T>
struct Fftw;

template <>
struct Fftw<float> {
  using Plan = fftwf_plan;
  using Complex = fftwf_complex;
  static constexpr auto plan = fftwf_plan_dft_1d;
  static constexpr auto execute = fftwf_execute_dft;
};

template <>
struct Fftw<double> {
  using Plan = fftw_plan;
  using Complex = fftw_complex;
  static constexpr auto plan = fftw_plan_dft_1d;
  static constexpr auto execute = fftw_execute_dft;
};

}  // namespace

template <class T>
struct ComplexFft<T>::Plan {
  typename Fftw<T>::Plan plan;
};

template <class T>
ComplexFft<T>::ComplexFft(Direction direction, Index size) : size_(size) {
  require(size >= 1 && size <= RealFft::max_size && is_fast(size), "fft: size must be 1 to ",
          RealFft::max_size, " with no prime factors above 13, got ", size);
  static auto& cache = *new std::map<std::pair<Direction, Index>, std::shared_ptr<const Plan>>;
  const std::lock_guard lock(planner());
  auto& plan = cache[{direction, size}];
  if (!plan) {
    using Complex = typename Fftw<T>::Complex;
    kernels::Aligned<T> in(static_cast<std::size_t>(2 * size)), out(in.size());
    plan = std::make_shared<const Plan>(Fftw<T>::plan(
        static_cast<int>(size), reinterpret_cast<Complex*>(in.data()), reinterpret_cast<Complex*>(out.data()),
        direction == Direction::forward ? FFTW_FORWARD : FFTW_BACKWARD, FFTW_ESTIMATE | FFTW_PRESERVE_INPUT));
    require(plan->plan, "fft: FFTW has no plan for size ", size);
  }
  plan_ = plan;
}

template <class T>
bool ComplexFft<T>::is_fast(Index size) {
  return has_small_factors(size);
}

template <class T>
void ComplexFft<T>::operator()(const T* in, T* out) const noexcept {
  using Complex = typename Fftw<T>::Complex;
  Fftw<T>::execute(plan_->plan, reinterpret_cast<Complex*>(const_cast<T*>(in)),
                   reinterpret_cast<Complex*>(out));
}

template class ComplexFft<float>;
template class ComplexFft<double>;

}  // namespace wavestride
