#include <wavestride/signal.h>

#include "check.h"

namespace wavestride {
namespace {

Index element_count(std::span<const Index> shape) {
  Index n = 1;
  for (const Index s : shape) {
    if (s < 0 || (s > 0 && n > std::numeric_limits<Index>::max() / s))
      fail("Tensor: shape ", shape_string(shape), " has a negative or overflowing size");
    n *= s;
  }
  return n;
}

}  // namespace

Tensor::Tensor(std::vector<Index> s, std::vector<float> d) : shape(std::move(s)), data(std::move(d)) {
  check();
}

void Tensor::check() const {
  if (element_count(shape) != size())
    fail("Tensor: shape ", shape_string(shape), " needs ", element_count(shape), " values, got ", size());
}

Tensor::Tensor(std::vector<Index> s) : shape(std::move(s)) {
  data.resize(static_cast<std::size_t>(element_count(shape)));
}

[[gnu::cold]] std::string shape_string(std::span<const Index> shape) {
  std::string s = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) s += (i ? ", " : "") + std::to_string(shape[i]);
  return s + "]";
}

Signal to_signal(const Tensor& t) {
  if (t.shape.empty() || t.shape.size() > 2)
    fail("a signal must have shape [channels, frames] or [frames], got ", shape_string(t.shape));
  const Index channels = t.shape.size() == 2 ? t.shape[0] : 1, frames = t.shape.back();
  using RowMajor = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  return Eigen::Map<const RowMajor>(t.data.data(), channels, frames);
}

Tensor to_tensor(FramesView x) {
  Tensor t({x.channels(), x.frames()});
  using RowMajor = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  Eigen::Map<RowMajor>(t.data.data(), x.channels(), x.frames()) = x.matrix();
  return t;
}

}  // namespace wavestride
