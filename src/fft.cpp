#include "fft.h"

#include <fftw3.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <map>
#include <new>
#include <numbers>
#include <vector>

#include "check.h"
#include "fork_lock.h"
#include "kernels/aligned.h"
#include "kernels/block_filter.h"
#include "kernels/spectral.h"

namespace wavestride {
namespace {

using kernels::ColumnDft;

// Rows and columns of a transform by sums; with more, a convolution takes less time.
constexpr Index most_by_sums = 320;

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

/// Whether FFTW transforms `size` complex values fast and without allocating memory while it does: primes
/// below 32 by the sum that defines them.
bool direct(Index size) {
  return size < 32 || has_small_factors(size);
}

/// Of size = rows · columns, the rows: as near to the root as there are, 1 of a prime.
Index rows_of(Index size) {
  auto rows = static_cast<Index>(std::sqrt(static_cast<double>(size)));
  while (size % rows != 0) --rows;
  return rows;
}

// Making plans is the one thing that FFTW does not allow on several threads at once.
std::mutex& planner() {
  return detail::lock_of(detail::Kept::plans);
}

/// Of the sizes 4·2ⁿ, 5·2ⁿ and 6·2ⁿ, which FFTW is fast for, the smallest that is not below `least`.
Index convolution_size(Index least) {
  Index size = 4;
  while (2 * size < least) size *= 2;
  for (const Index quarters : {4, 5, 6})
    if (size / 4 * quarters >= least) return size / 4 * quarters;
  return 2 * size;
}

}  // namespace

void RealFft::Free::operator()(float* p) const noexcept {
  fftwf_free(p);
}

// Even sizes are complex transforms of half the size and one step more, since FFTW finds twice as fast plans
// for complex ones without measuring. Odd sizes, for which it would allocate memory at every transform, and
// halves for which it would do so are transformed here, as complex values, in one of two ways:
// - As a matrix whose columns are transformed, turned by exp(−2πi·k·column/points), and then its rows, both
//   by the sum that defines a transform. Of real values only half of the rows count.
// - Of primes and such: kn = (k² + n² − (k−n)²)/2 makes the transform a convolution with the chirp
//   exp(πi·m²/points) (Bluestein), done by transforms of a size that FFTW is fast for.
struct RealFft::Plans {
  [[gnu::cold]] explicit Plans(Index n) : size(n) {
    if (size > 16) points = size % 2 == 0 ? size / 2 : size;
    if (halved()) half = kernels::HalfSpectrum(points);
    Index planned = points > 0 ? points : size;
    if (points > 0 && !(halved() && direct(points))) {
      const Index rows = rows_of(points), columns = points / rows;
      if (rows > 1 && rows + columns <= most_by_sums) {
        make_columns(rows, columns);
        return;
      }
      planned = padded = convolution_size(2 * points - 1);
    }
    const Memory a(allocate(2 * planned)), b(allocate(2 * planned));
    const int count = static_cast<int>(planned);
    constexpr unsigned flags = FFTW_ESTIMATE;
    if (points == 0) {
      forward = fftwf_plan_dft_r2c_1d(count, a.get(), as_complex(b.get()), flags);
      inverse = fftwf_plan_dft_c2r_1d(count, as_complex(b.get()), a.get(), flags);
    } else {
      forward = fftwf_plan_dft_1d(count, as_complex(a.get()), as_complex(b.get()), FFTW_FORWARD, flags);
      inverse = fftwf_plan_dft_1d(count, as_complex(b.get()), as_complex(a.get()), FFTW_BACKWARD, flags);
    }
    require(forward && inverse, "fft: FFTW has no plan for size ", size);
    if (padded > 0) make_chirp(a.get(), b.get());
  }

  bool halved() const { return points > 0 && size % 2 == 0; }
  bool by_columns() const { return first.points() > 0; }
  bool own() const { return by_columns() || padded > 0; }
  /// Values in each of the memories that transforms work in.
  Index work() const {
    if (!by_columns()) return 2 * (padded > 0 ? padded : points);
    return std::max(
        {2 * plane(), ColumnDft::work_size(first.points()), ColumnDft::work_size(second.points())});
  }
  /// Of the matrix, real or imaginary parts, with either side padded.
  Index plane() const {
    return std::max(ColumnDft::transposed(first.points()) * ColumnDft::padded(second.points()),
                    second.points() * ColumnDft::padded(first.points())) +
           ColumnDft::column_lanes;
  }

  [[gnu::cold]] void make_columns(Index rows, Index columns) {
    first = ColumnDft(rows);
    second = ColumnDft(columns);
    const Index stride = ColumnDft::padded(columns);
    turns.resize(static_cast<std::size_t>(2 * rows * stride));
    for (Index k = 0; k < rows; ++k)
      for (Index n = 0; n < columns; ++n) {
        const std::complex<double> turn =
            std::polar(1.0, -2 * std::numbers::pi * static_cast<double>(k * n) / static_cast<double>(points));
        float* const to = turns.data() + k * stride + n;
        to[0] = static_cast<float>(turn.real());
        to[rows * stride] = static_cast<float>(turn.imag());
      }
  }

  [[gnu::cold]] void make_chirp(float* a, float* b) {
    std::fill_n(a, 2 * padded, 0.0f);
    const float scale = 1 / static_cast<float>(padded);
    for (Index m = 0; m < points; ++m) {
      const std::complex<float> c(std::polar(
          1.0, std::numbers::pi * static_cast<double>(m * m % (2 * points)) / static_cast<double>(points)));
      chirp.insert(chirp.end(), {c.real(), -c.imag()});
      for (const Index at : {m, (padded - m) % padded})
        a[2 * at] = c.real() * scale, a[2 * at + 1] = c.imag() * scale;
    }
    fftwf_execute_dft(forward, as_complex(a), as_complex(b));
    response.assign(b, b + 2 * padded);
  }

  /// Bins 0, 1, … below points, or of real values, which are those of odd sizes, below points/2 + 1. Works in
  /// all of the memory; `out` may be in work_memory_[0] too.
  void transform(Buffers& buffers, const float* x, bool real, float* out) const noexcept {
    by_columns() ? transform_columns(buffers, x, real, out) : convolve(buffers, x, real, out);
  }

  void transform_columns(Buffers& buffers, const float* x, bool real, float* out) const noexcept {
    struct Planes {
      float *re, *im;
    };
    const auto planes = [&](int i) {
      float* const p = buffers.work_memory_[i].get();
      return Planes{p, p + plane()};
    };
    float* const sums = buffers.work_memory_[0].get();
    const Planes a = planes(1), b = planes(2);
    if (!real) kernels::from_complex(x, 1, points, 0, a.re, a.im, 1);
    const Index all_rows = first.points(), columns = second.points(), rows = real ? first.half() : all_rows;
    const Index stride = ColumnDft::padded(columns), out_stride = ColumnDft::padded(rows);
    first({real ? x : a.re, real ? nullptr : a.im, columns}, columns, rows,
          {turns.data(), turns.data() + all_rows * stride, stride}, b.re, b.im, sums);
    ColumnDft::transpose(b.re, rows, columns, a.re);
    ColumnDft::transpose(b.im, rows, columns, a.im);
    second({a.re, a.im, ColumnDft::transposed(rows)}, rows, columns, {}, b.re, b.im, sums);
    for (Index k = 0; k < columns; ++k) {
      const float *re = b.re + k * out_stride, *im = b.im + k * out_stride;
      if (!real || 2 * k < columns) {
        kernels::to_complex(re, im, 1, 1, rows, 0, out + 2 * k * all_rows);
        continue;
      }
      float* const mirror = out + 2 * (columns - k) * all_rows;
      for (Index i = 1; i < rows; ++i) mirror[-2 * i] = re[i], mirror[-2 * i + 1] = -im[i];
    }
  }

  void convolve(Buffers& buffers, const float* x, bool real, float* out) const noexcept {
    float *a = buffers.work_memory_[1].get(), *b = buffers.work_memory_[2].get();
    if (real)
      for (Index n = 0; n < points; ++n)
        a[2 * n] = chirp[2 * n] * x[n], a[2 * n + 1] = chirp[2 * n + 1] * x[n];
    else
      kernels::complex_product(chirp.data(), x, points, false, a);
    std::fill(a + 2 * points, a + 2 * padded, 0.0f);
    fftwf_execute_dft(forward, as_complex(a), as_complex(b));
    kernels::complex_product(response.data(), b, padded, false, a);
    fftwf_execute_dft(inverse, as_complex(a), as_complex(b));
    kernels::complex_product(chirp.data(), b, real ? points / 2 + 1 : points, false, out);
  }

  Index size;
  Index points = 0;  // of the complex transform; 0: FFTW does the real one
  Index padded = 0;  // transform length of the convolution
  fftwf_plan forward = nullptr, inverse = nullptr;
  kernels::HalfSpectrum half;
  ColumnDft first, second;
  kernels::Aligned<float> turns, chirp, response;
};

RealFft::Buffers::Buffers(const RealFft& fft)
    : time_memory_(allocate(fft.size() + ColumnDft::column_lanes)),
      spectrum_memory_(allocate(2 * fft.bins())) {
  time = {time_memory_.get(), static_cast<std::size_t>(fft.size())};
  spectrum = {spectrum_memory_.get(), static_cast<std::size_t>(2 * fft.bins())};
  Index floats = fft.size() + ColumnDft::column_lanes + 2 * fft.bins();
  const Plans& p = *fft.plans_;
  const int memories = p.own() ? 3 : p.halved() ? 1 : 0;
  for (int i = 0; i < memories; ++i) {
    work_memory_[i].reset(allocate(p.work()));
    floats += p.work();
  }
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

const float* RealFft::halves(Buffers& b) const noexcept {
  float *const time = b.time.data(), *const z = b.work_memory_[0].get();
  if (plans_->own())
    plans_->transform(b, time, false, z);
  else
    fftwf_execute_dft(plans_->forward, as_complex(time), as_complex(z));
  return z;
}

void RealFft::forward(Buffers& b, float* spectrum) const noexcept {
  float* const time = b.time.data();
  if (plans_->halved()) {
    plans_->half.to_real(halves(b), spectrum);
    return;
  }
  if (plans_->own()) {
    plans_->transform(b, time, true, spectrum);
    return;
  }
  fftwf_execute_dft_r2c(plans_->forward, time, as_complex(b.spectrum.data()));
  if (spectrum != b.spectrum.data()) std::copy(b.spectrum.begin(), b.spectrum.end(), spectrum);
}

void RealFft::magnitudes(Buffers& b, Index bins, float epsilon, double power,
                         float* magnitudes) const noexcept {
  if (plans_->halved()) {
    plans_->half.powers(halves(b), bins, epsilon, power == 1, magnitudes);
    kernels::finish_magnitudes(power, bins, magnitudes);
  } else {
    forward(b);
    kernels::magnitudes(b.spectrum.data(), bins, epsilon, power, magnitudes);
  }
}

// The inverse transform of X is the conjugate of the forward one of its conjugate.
void RealFft::inverse(Buffers& b) const noexcept {
  float *const in = b.spectrum.data(), *const time = b.time.data(), *const z = b.work_memory_[0].get();
  const auto conjugate = [](float* values, Index count) {
    for (Index k = 0; k < count; ++k) values[2 * k + 1] = -values[2 * k + 1];
  };
  if (plans_->halved()) {
    plans_->half.from_real(in, z);
    if (plans_->own()) {
      conjugate(z, size_ / 2);
      plans_->transform(b, z, false, time);
      conjugate(time, size_ / 2);
    } else {
      fftwf_execute_dft(plans_->inverse, as_complex(z), as_complex(time));
    }
    return;
  }
  in[1] = 0.0f;
  if (plans_->own()) {
    for (Index k = 0; k < bins(); ++k) {
      const Index mirror = k == 0 ? 0 : size_ - k;
      z[2 * mirror] = z[2 * k] = in[2 * k];
      z[2 * mirror + 1] = in[2 * k + 1];
      z[2 * k + 1] = -in[2 * k + 1];
    }
    plans_->transform(b, z, false, z);
    for (Index n = 0; n < size_; ++n) time[n] = z[2 * n];
    return;
  }
  if (size_ % 2 == 0) in[size_ + 1] = 0.0f;
  fftwf_execute_dft_c2r(plans_->inverse, as_complex(in), time);
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
  explicit Plan(typename Fftw<T>::Plan its) : plan(its) {}
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
