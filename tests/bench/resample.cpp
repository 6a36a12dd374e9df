// Times resample, for low latency and for throughput, against libsoxr where CMake found it, interleaved in
// one run, and measures all: noise and distortion of a 997 Hz tone, the frequency where the gain has fallen
// by 0.1 dB, how long it takes to be made (what equal filters share is made once), and how long an output
// waits beyond its own time. Any argument: a quick run.
#include <wavestride/resample.h>
#include <wavestride/stream.h>

#include <Eigen/LU>
#include <algorithm>
#include <cmath>
#include <complex>
#include <cstdio>
#include <ctime>
#include <functional>
#include <numbers>
#include <optional>
#include <random>

#ifdef WAVESTRIDE_SOXR
#include <soxr.h>
#endif

namespace {

using namespace wavestride;
using Convert = std::function<Signal(const Signal&)>;

struct Pair {
  int from, to;
};
constexpr Pair pairs[] = {{48000, 16000}, {16000, 48000}, {44100, 48000}, {44100, 16000},
                          {22050, 24000}, {8000, 16000},  {16000, 22050}};

// Of this process's processor time, so that other processes do not count.
double seconds(const std::function<void()>& work) {
  const std::clock_t start = std::clock();
  work();
  return static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
}

// Of several rounds: the others were disturbed.
double least(const std::vector<double>& v) {
  return *std::min_element(v.begin(), v.end());
}

Signal tone(double hz, int rate) {
  Signal x(1, rate);
  for (Index n = 0; n < rate; ++n)
    x(0, n) = static_cast<float>(0.9 * std::sin(2 * std::numbers::pi * hz * static_cast<double>(n) / rate));
  return x;
}

// Of the middle of y, the amplitude at hz, and the rest in dB below it.
std::pair<double, double> analyse(const Signal& y, double hz, int rate) {
  const Index begin = y.cols() / 4, N = y.cols() / 2;
  Eigen::MatrixXd basis(N, 2);
  for (Index i = 0; i < N; ++i) {
    const double t = 2 * std::numbers::pi * hz * static_cast<double>(begin + i) / rate;
    basis(i, 0) = std::sin(t);
    basis(i, 1) = std::cos(t);
  }
  const Eigen::VectorXd v = y.middleCols(begin, N).cast<double>().transpose();
  const Eigen::Matrix2d normal = basis.transpose() * basis;
  const Eigen::Vector2d fit = normal.inverse() * (basis.transpose() * v);
  return {fit.norm(), 10 * std::log10((basis * fit).squaredNorm() / (v - basis * fit).squaredNorm())};
}

double passband(const Convert& convert, Pair p) {
  double low = 0.5, high = 1;
  for (int i = 0; i < 12; ++i) {
    const double middle = (low + high) / 2, hz = middle * std::min(p.from, p.to) / 2;
    (20 * std::log10(analyse(convert(tone(hz, p.from)), hz, p.to).first / 0.9) > -0.1 ? low : high) = middle;
  }
  return low;
}

struct Contender {
  const char* name;
  double made_ms;
  double latency_ms;  // 0: not told
  Convert convert;
  std::function<void(const Signal&, Signal&)> whole;
  std::function<void(const Signal&)> chunks;  // of 10 ms
};

template <class Push>
void feed(const Signal& x, Index chunk, Push&& push) {
  for (Index n = 0; n < x.cols(); n += chunk) push(FramesView(x).slice(n, std::min(chunk, x.cols() - n)));
}

Contender ours(Pair p, Quality q, Goal goal) {
  std::optional<Op> it;
  const double made_s = seconds([&] { it = op::resample(1, p.from, p.to, {.quality = q, .goal = goal}); });
  const Op op = *it;
  const double latency = 1000.0 * static_cast<double>(op.latency_frames()) / p.to;
  return {goal == Goal::throughput ? "throughput" : "low latency",
          1000 * made_s,
          latency,
          [op](const Signal& x) { return op(x); },
          [op](const Signal& x, Signal& y) {
            Stream stream = op.stream();
            (void)stream.finish_with(x, y);
          },
          [op, p](const Signal& x) {
            Stream stream = op.stream();
            Signal out(1, op.total(x.cols()));
            feed(x, p.from / 100, [&](FramesView chunk) { (void)stream.push(chunk, out); });
            (void)stream.finish(out);
          }};
}

#ifdef WAVESTRIDE_SOXR
Contender theirs(Pair p, Quality q) {
  const auto spec = soxr_quality_spec(q == Quality::best ? SOXR_VHQ : SOXR_HQ, 0);
  const auto io = soxr_io_spec(SOXR_FLOAT32_I, SOXR_FLOAT32_I);
  const auto whole = [=](const Signal& x, Signal& y) {
    std::size_t done = 0;
    soxr_oneshot(p.from, p.to, 1, x.data(), static_cast<std::size_t>(x.cols()), nullptr, y.data(),
                 static_cast<std::size_t>(y.cols()), &done, &io, &spec, nullptr);
  };
  const double made_s =
      seconds([&] { soxr_delete(soxr_create(p.from, p.to, 1, nullptr, &io, &spec, nullptr)); });
  return {"soxr",
          1000 * made_s,
          0,
          [=](const Signal& x) {
            Signal y(1, (x.cols() * p.to + p.from - 1) / p.from);
            whole(x, y);
            return y;
          },
          whole,
          [=](const Signal& x) {
            soxr_t s = soxr_create(p.from, p.to, 1, nullptr, &io, &spec, nullptr);
            Signal y(1, x.cols() * p.to / p.from + 4096);
            std::size_t done = 0;
            feed(x, p.from / 100, [&](FramesView chunk) {
              soxr_process(s, chunk.data(), static_cast<std::size_t>(chunk.frames()), nullptr, y.data(),
                           static_cast<std::size_t>(y.cols()), &done);
            });
            soxr_process(s, nullptr, 0, nullptr, y.data(), static_cast<std::size_t>(y.cols()), &done);
            soxr_delete(s);
          }};
}
#endif

}  // namespace

int main(int argc, char**) {
  const bool quick = argc > 1;
  const double length = quick ? 0.2 : 30;
  const int rounds = quick ? 1 : 25;
  std::printf(
      "times real time, whole signals of %g s and 10 ms chunks; SNR at 997 Hz, passband to -0.1 dB, made in, "
      "latency, times soxr\n",
      length);
  for (const Quality q : {Quality::standard, Quality::best}) {
    double product[2][2] = {{1, 1}, {1, 1}};
    for (const Pair p : pairs) {
      std::vector<Contender> contenders = {ours(p, q, Goal::low_latency), ours(p, q, Goal::throughput)};
#ifdef WAVESTRIDE_SOXR
      contenders.push_back(theirs(p, q));
#endif
      std::mt19937 rng(1);
      std::normal_distribution<float> normal(0, 0.1f);
      const Signal x =
          Signal::NullaryExpr(1, static_cast<Index>(length * p.from), [&](Index) { return normal(rng); });
      // Of both: to come by memory can take longer than to convert.
      Signal y = contenders[0].convert(x);
      std::vector<std::vector<double>> times(2 * contenders.size());
      for (int round = 0; round < rounds; ++round)
        for (std::size_t c = 0; c < contenders.size(); ++c) {
          times[2 * c].push_back(seconds([&] { contenders[c].whole(x, y); }));
          times[2 * c + 1].push_back(seconds([&] { contenders[c].chunks(x); }));
        }
      for (std::size_t c = 0; c < contenders.size(); ++c) {
        const Contender& who = contenders[c];
        std::printf("%5d to %5d  %-8s  %-11s %7.0f %7.0f  %6.1f dB  %.3f %5.1f ms", p.from, p.to,
                    q == Quality::best ? "best" : "standard", who.name, length / least(times[2 * c]),
                    length / least(times[2 * c + 1]),
                    analyse(who.convert(tone(997, p.from)), 997, p.to).second, passband(who.convert, p),
                    who.made_ms);
        if (who.latency_ms > 0) std::printf("  %5.1f ms", who.latency_ms);
        const bool against = contenders.size() == 3 && c < 2;
        if (against)
          std::printf("  %.2f %.2f", least(times[4]) / least(times[2 * c]),
                      least(times[5]) / least(times[2 * c + 1]));
        std::printf("\n");
        if (against)
          for (std::size_t k = 0; k < 2; ++k) product[c][k] *= least(times[4 + k]) / least(times[2 * c + k]);
      }
    }
    for (std::size_t c = 0; c < 2; ++c)
      std::printf("%s against soxr, geometric mean: %.2f whole, %.2f in chunks\n",
                  c == 0 ? "low latency" : "throughput", std::pow(product[c][0], 1.0 / 7),
                  std::pow(product[c][1], 1.0 / 7));
  }
}
