#include "models/residual_quantiser.h"

#include <algorithm>
#include <cmath>

#include "check.h"
#include "kernels/dense.h"

namespace wavestride::models {
namespace {

using kernels::DenseWeights;

constexpr Index one_tap = 0;

DenseWeights packed(const LayerWeights& w) {
  if (w.weight.empty()) return {};
  const Index in = w.weight.shape[1];
  return {w.weight.shape[0], in, 1,
          [&](Index o, Index i, Index) { return w.weight.data[static_cast<std::size_t>(o * in + i)]; },
          w.bias};
}

/// x/max(‖x‖, 1e-12), as torch.nn.functional.normalize.
void normalise(float* x, Index size) noexcept {
  double squares = 0;
  for (Index i = 0; i < size; ++i) squares += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  const double length = std::max(std::sqrt(squares), 1e-12);
  for (Index i = 0; i < size; ++i) x[i] = static_cast<float>(static_cast<double>(x[i]) / length);
}

class Lookup {
 public:
  explicit Lookup(const QuantiserBook& book)
      : stride_(book.stride),
        rows_(book.rows.shape[0]),
        size_(book.rows.shape[1]),
        by_angle_(book.by_angle),
        in_(packed(book.in)),
        out_(packed(book.out)) {
    std::vector<float> compared = book.rows.data;
    if (by_angle_) {
      for (Index row = 0; row < rows_; ++row) normalise(compared.data() + row * size_, size_);
      table_ = book.rows.data;
    }
    for (Index first = 0; first < rows_; first += tile_rows) add_tile(compared, first);
  }

  static constexpr Index tile_rows = 512;  // whose scores of a few frames lie in the nearest cache

  Index stride() const { return stride_; }
  Index values() const { return size_; }
  Index parameters() const {
    return rows_ * size_ + in_.out_channels() * (in_.rows() + 1) + out_.out_channels() * (out_.rows() + 1);
  }
  double macs() const {
    return static_cast<double>(rows_ * size_ + in_.out_channels() * in_.rows() +
                               out_.out_channels() * out_.rows());
  }

  /// What `frames` means of latents are looked up by: these, or in `own`.
  const float* looked_up(const float* means, Index latent, Index frames, float* own) const noexcept {
    if (in_.out_channels() == 0 && !by_angle_) return means;
    if (in_.out_channels() == 0)
      std::copy_n(means, frames * size_, own);
    else
      kernels::dense(in_, means, &one_tap, latent, frames, own, size_);
    if (by_angle_)
      for (Index n = 0; n < frames; ++n) normalise(own + n * size_, size_);
    return own;
  }

  /// The numbers of the nearest rows. `scores` has room for tile_rows to a frame, `best` for one.
  void nearest(const float* v, Index frames, float* scores, float* best, float* codes) const noexcept {
    for (std::size_t t = 0; t < tiles_.size(); ++t) {
      const Index first = static_cast<Index>(t) * tile_rows, count = tiles_[t].out_channels();
      kernels::dense(tiles_[t], v, &one_tap, size_, frames, scores, tile_rows);
      for (Index n = 0; n < frames; ++n) {
        const float* score = scores + n * tile_rows;
        float most = t == 0 ? score[0] : best[n];
        Index row = t == 0 ? 0 : -1;
        for (Index i = 0; i < count; ++i)
          if (score[i] > most) most = score[i], row = i;
        best[n] = most;
        if (row >= 0) codes[n] = static_cast<float>(first + row);
      }
    }
  }

  /// What the rows of these numbers stand for; `rows` has room for them.
  const float* meant(const float* codes, Index latent, Index frames, float* rows, float* own) const noexcept {
    for (Index n = 0; n < frames; ++n) copy_row(static_cast<Index>(codes[n]), rows + n * size_);
    if (out_.out_channels() == 0) return rows;
    kernels::dense(out_, rows, &one_tap, size_, frames, own, latent);
    return own;
  }

 private:
  void add_tile(const std::vector<float>& compared, Index first) {
    const Index count = std::min(tile_rows, rows_ - first);
    const float* from = compared.data() + first * size_;
    std::vector<float> bias;
    for (Index row = 0; row < count; ++row) {
      double squares = 0;
      for (Index i = 0; i < size_; ++i) {
        const double value = static_cast<double>(from[row * size_ + i]);
        squares += value * value;
      }
      bias.push_back(static_cast<float>(-squares / 2));
    }
    tiles_.emplace_back(
        count, size_, 1, [&](Index o, Index i, Index) { return from[o * size_ + i]; }, bias);
  }

  void copy_row(Index row, float* to) const noexcept {
    if (by_angle_) {
      std::copy_n(table_.data() + row * size_, size_, to);
      return;
    }
    const DenseWeights& tile = tiles_[static_cast<std::size_t>(row / tile_rows)];
    for (Index i = 0; i < size_; ++i) to[i] = tile.value(row % tile_rows, i, 0);
  }

  Index stride_, rows_, size_;
  bool by_angle_;
  DenseWeights in_, out_;
  std::vector<DenseWeights> tiles_;  // of the rows as they are compared
  std::vector<float> table_;         // as they are, where they are compared otherwise
};

class ResidualQuantiser final : public Kernel {
 public:
  ResidualQuantiser(Index latent, Index together, Index codes, std::vector<Lookup> books)
      : Kernel(message("residual_quantiser(", latent, " → ", codes, ")"),
               {{latent, group_geometry(together), {}}}, codes),
        latent_(latent),
        together_(together),
        books_(std::move(books)) {
    for (const Lookup& book : books_) widest_ = std::max(widest_, book.values());
  }

  void compute(const Work& work) const noexcept override {
    const Index at_once = outputs_at_once();
    for (Index n = 0; n < work.count; n += at_once)
      quantise(work.in[0] + n * together_ * latent_, std::min(at_once, work.count - n),
               work.out + n * out_channels(), static_cast<float*>(work.scratch));
  }

  Index scratch_bytes() const override {
    const Index frames = outputs_at_once() * together_;
    return frames * (3 * latent_ + 2 * widest_ + Lookup::tile_rows + 2) * static_cast<Index>(sizeof(float));
  }

  Index parameters() const override {
    Index all = 0;
    for (const Lookup& book : books_) all += book.parameters();
    return all;
  }
  double macs_per_frame() const override {
    double all = 0;
    for (const Lookup& book : books_) all += book.macs() * static_cast<double>(together_ / book.stride());
    return all;
  }

 private:
  Index outputs_at_once() const {
    constexpr Index frames = 16;
    return std::max<Index>(1, frames / together_);
  }

  void quantise(const float* in, Index count, float* out, float* scratch) const noexcept {
    const Index frames = count * together_;
    float* residual = scratch;
    float* pooled = residual + frames * latent_;
    float* projected = pooled + frames * latent_;
    float* values = projected + frames * latent_;
    float* rows = values + frames * widest_;
    float* scores = rows + frames * widest_;
    float* best = scores + frames * Lookup::tile_rows;
    float* codes = best + frames;
    std::copy_n(in, frames * latent_, residual);
    Index first = 0;
    for (const Lookup& book : books_) {
      const Index stride = book.stride(), means = frames / stride, each = together_ / stride;
      if (stride > 1) average(residual, means, stride, pooled);
      const float* v = book.looked_up(stride > 1 ? pooled : residual, latent_, means, values);
      book.nearest(v, means, scores, best, codes);
      for (Index m = 0; m < means; ++m) out[m / each * out_channels() + first + m % each] = codes[m];
      first += each;
      if (&book == &books_.back()) return;
      take_off(book.meant(codes, latent_, means, rows, projected), frames, stride, residual);
    }
  }

  void average(const float* x, Index means, Index stride, float* y) const noexcept {
    for (Index m = 0; m < means; ++m, y += latent_) {
      std::copy_n(x, latent_, y);
      x += latent_;
      for (Index s = 1; s < stride; ++s, x += latent_)
        for (Index c = 0; c < latent_; ++c) y[c] += x[c];
      for (Index c = 0; c < latent_; ++c) y[c] /= static_cast<float>(stride);
    }
  }

  void take_off(const float* meant, Index frames, Index stride, float* residual) const noexcept {
    for (Index n = 0; n < frames; ++n, residual += latent_) {
      const float* row = meant + n / stride * latent_;
      for (Index c = 0; c < latent_; ++c) residual[c] -= row[c];
    }
  }

  Index latent_, together_, widest_ = 0;
  std::vector<Lookup> books_;
};

}  // namespace

Op residual_quantiser(Index latent, const std::vector<QuantiserBook>& books, Index together) {
  Index codes = 0;
  std::vector<Lookup> lookups;
  for (const QuantiserBook& book : books) {
    codes += together / book.stride;
    lookups.emplace_back(book);
  }
  return Op(std::make_shared<ResidualQuantiser>(latent, together, codes, std::move(lookups)));
}

}  // namespace wavestride::models
