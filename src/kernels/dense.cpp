#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/dense.cpp"
#include "kernels/dense.h"

#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <cstdint>

#include "kernels/dense_tiles-inl.h"

HWY_BEFORE_NAMESPACE();
namespace wavestride::kernels::HWY_NAMESPACE {
template <class D>
struct Floats {
  using Value = hn::Vec<D>;
  using Weight = hn::Vec<D>;
  static constexpr bool small = WAVESTRIDE_MOST_SUMS < 12;
  static HWY_INLINE Value broadcast(const float* x) { return hn::Set(D(), *x); }
  static HWY_INLINE Weight load(const float* w) { return hn::LoadU(D(), w); }
  static HWY_INLINE hn::Vec<D> mul_add(Value x, Weight w, hn::Vec<D> sum) {
#if HWY_TARGET <= HWY_AVX3 && (HWY_COMPILER_GCC || HWY_COMPILER_CLANG)
    // In place: GCC would move sums of several rows from register to register.
    asm("vfmadd231ps %2, %1, %0" : "+v"(sum.raw) : "v"(x.raw), "v"(w.raw));
    return sum;
#else
    return hn::MulAdd(x, w, sum);
#endif
  }
};

void Dense(const DenseWeights& w, const float* in, const Index* offsets, Index in_step, Index frames,
           float* out, Index out_step, const Finish& finish, Index apart) {
  DenseOf<Floats>(w, in, offsets, in_step, frames, out, out_step, finish, apart);
}

Index PanelWidth() {
  return hn::Lanes(Whole()) == 16 ? 32 : 16;
}

}  // namespace wavestride::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include "check.h"

namespace wavestride::kernels {

HWY_EXPORT(Dense);
HWY_EXPORT(PanelWidth);

Index dense_panel_width() noexcept {
  return HWY_DYNAMIC_DISPATCH(PanelWidth)();
}

void dense(const DenseWeights& w, const float* in, const Index* offsets, Index in_step, Index frames,
           float* out, Index out_step, const Finish& finish) noexcept {
  HWY_DYNAMIC_DISPATCH(Dense)(w, in, offsets, in_step, frames, out, out_step, finish, 0);
}

void dense_apart(const DenseWeights& w, const float* in, const Index* offsets, Index in_step, Index frames,
                 float* out, Index out_step, Index apart) noexcept {
  HWY_DYNAMIC_DISPATCH(Dense)(w, in, offsets, in_step, frames, out, out_step, {}, apart);
}

std::vector<std::string> simd_targets() {
  hwy::SetSupportedTargetsForTest(0);
  std::vector<std::string> names;
  for (const std::int64_t target : hwy::SupportedAndGeneratedTargets())
    names.emplace_back(hwy::TargetName(target));
  return names;
}

void use_simd_target(const std::string& name) {
  hwy::SetSupportedTargetsForTest(0);
  if (!name.empty()) {
    std::int64_t chosen = 0;
    for (const std::int64_t target : hwy::SupportedAndGeneratedTargets())
      if (name == hwy::TargetName(target)) chosen = target;
    require(chosen != 0, "SIMD target ", name, " is not available on this machine");
    hwy::SetSupportedTargetsForTest(chosen);
  }
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

}  // namespace wavestride::kernels
#endif
