#include "kernels/products.h"

#include <atomic>

namespace wavestride::kernels {

namespace {
std::atomic<Products> best_of_all{Products::tiles};
}  // namespace

Products best_products() noexcept {
  return best_of_all.load(std::memory_order_relaxed);
}

void use_products(Products best) noexcept {
  best_of_all = best;
}

}  // namespace wavestride::kernels
