#include <wavestride/signal.h>

#include <catch2/catch.hpp>

#include "contract.h"

using namespace wavestride;
using namespace wavestride::testing;

TEST_CASE("signal: a frame is a column, and a view borrows whole columns") {
  Signal x(2, 5);
  x << 0, 1, 2, 3, 4, 10, 11, 12, 13, 14;
  const FramesView view = x;
  CHECK(view.channels() == 2);
  CHECK(view.frames() == 5);
  CHECK(view.frame(3)[0] == 3);
  CHECK(view.frame(3)[1] == 13);
  CHECK(view.data() == x.data());
  CHECK(view.slice(1, 3).matrix() == x.middleCols(1, 3));
  CHECK(FramesView(x.middleCols(2, 2)).data() == x.data() + 4);
  CHECK(FramesView(x).slice(5, 0).frames() == 0);
  FramesSpan(x).slice(4, 1).matrix().setZero();
  CHECK(x(1, 4) == 0);
  const Eigen::VectorXf column = Eigen::VectorXf::Ones(3);
  CHECK(FramesView(column).channels() == 3);
  const Eigen::RowVectorXf mono = Eigen::RowVectorXf::Ones(3);
  CHECK(FramesView(mono).frames() == 3);
  CHECK(FramesView().frames() == 0);
}

TEST_CASE("signal: frames that do not lie one behind the other are refused") {
  Signal x = Signal::Random(3, 5);
  const auto refusal = Catch::Contains("one behind the other");
  CHECK_THROWS_WITH(FramesView(x.row(1)), refusal);
  CHECK_THROWS_WITH(FramesView(x.topRows(1)), refusal);
  CHECK_THROWS_WITH(FramesSpan(x.middleRows(1, 2)), refusal);
  CHECK_THROWS_WITH(FramesSpan(x.block(0, 1, 2, 3)), refusal);
  CHECK(FramesView(Signal(x.row(1))).frame(4)[0] == x(1, 4));
  CHECK(FramesView(x.col(2)).frame(0)[1] == x(1, 2));
  CHECK(FramesView(x.block(1, 3, 2, 1)).frame(0)[1] == x(2, 3));  // one frame
  Signal mono = Signal::Random(1, 5);
  CHECK(FramesView(mono.row(0)).frame(4)[0] == mono(0, 4));
  CHECK(FramesView(mono.topRows(1)).frames() == 5);
}

TEST_CASE("signal: tensors hold PyTorch's order and turn into signals and back") {
  const Tensor t({2, 3}, {0, 1, 2, 10, 11, 12});
  const Signal x = to_signal(t);
  CHECK(x(1, 2) == 12);
  CHECK(x(0, 1) == 1);
  CHECK(to_tensor(x).data == t.data);
  CHECK(to_tensor(x).shape == t.shape);
  CHECK(to_signal(Tensor({4}, {1, 2, 3, 4})).rows() == 1);
  CHECK(to_signal(Tensor({3, 0})).rows() == 3);
  CHECK(to_signal(Tensor({3, 0})).cols() == 0);
  Rng rng(3);
  const Signal y = noise(rng, 7, 31);
  CHECK(same_bits(to_signal(to_tensor(y)), y));

  CHECK(Tensor({2, 3}).size() == 6);
  CHECK(Tensor({2, 3}).dim(1) == 3);
  CHECK(Tensor({2, 3}).dim(2) == 1);
  CHECK(Tensor().empty());
  CHECK(shape_string(t.shape) == "[2, 3]");
}

TEST_CASE("signal: shapes that can't be are refused with what they were") {
  CHECK_THROWS_WITH(Tensor({2, 3}, {1, 2}), "Tensor: shape [2, 3] needs 6 values, got 2");
  CHECK_THROWS_WITH(Tensor({2, -3}), "Tensor: shape [2, -3] has a negative or overflowing size");
  CHECK_THROWS_WITH(Tensor({Index{1} << 40, Index{1} << 40}),
                    Catch::Contains("has a negative or overflowing size"));
  CHECK_THROWS_WITH(to_signal(Tensor({1, 2, 3})),
                    "a signal must have shape [channels, frames] or [frames], got [1, 2, 3]");
  CHECK_THROWS_WITH(to_signal(Tensor()), "a signal must have shape [channels, frames] or [frames], got []");
}
