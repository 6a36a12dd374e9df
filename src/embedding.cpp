#include <wavestride/embedding.h>

#include <algorithm>

#include "check.h"
#include "nearest_row.h"

namespace wavestride {
namespace {

class Embedding final : public Kernel {
 public:
  Embedding(const Tensor& weight, Index channels, Index rows)
      : Kernel(message("embedding(", channels, " of ", rows, " → ", weight.shape[1], ")"),
               {{channels, conv_geometry(1, 1, 1, 0, 0), {}}}, weight.shape[1]),
        table_(weight.data),
        rows_(rows) {}

  void compute(const Work& work) const noexcept override {
    const Index channels = inputs()[0].channels, size = out_channels();
    const float* x = work.in[0];
    float* y = work.out;
    for (Index n = 0; n < work.count; ++n, y += size) {
      const float* part = table_.data();
      for (Index c = 0; c < channels; ++c, part += rows_ * size) {
        const float* row = part + nearest_row(*x++, rows_) * size;
        if (c == 0)
          std::copy_n(row, size, y);
        else
          for (Index i = 0; i < size; ++i) y[i] += row[i];
      }
    }
  }

  Index parameters() const override { return static_cast<Index>(table_.size()); }

 private:
  std::vector<float> table_;
  Index rows_;
};

}  // namespace

namespace op {

[[gnu::cold]] Op embedding(const Tensor& weight, Index channels) {
  constexpr Index most = 1 << 24;
  require(channels > 0, "embedding: channels must be positive, got ", channels);
  require(weight.shape.size() == 2 && weight.size() > 0,
          "embedding: weight must have shape [rows, out] of one row or more, got ",
          shape_string(weight.shape));
  require(weight.shape[0] % channels == 0, "embedding: weight must have as many rows for each of ", channels,
          " channels, got ", weight.shape[0]);
  const Index rows = weight.shape[0] / channels;
  require(rows <= most, "embedding: a channel may have at most ", most, " rows, got ", rows);
  return Op(std::make_shared<Embedding>(weight, channels, rows));
}

}  // namespace op

Signal embedding(FramesView x, const Tensor& weight) {
  return op::embedding(weight, x.channels())(x);
}

}  // namespace wavestride
