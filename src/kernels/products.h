// What multiplies numbers narrower than a float.
#pragma once

namespace wavestride::kernels {

/// Each faster than the one before, where a machine has it.
enum class Products {
  plain,    ///< of float or 16-bit integers
  vectors,  ///< AVX-512 BF16 or VNNI
  tiles,    ///< AMX
};

/// Tiles, unless tests do with less: they choose before they pack weights.
Products best_products() noexcept;
void use_products(Products best) noexcept;

}  // namespace wavestride::kernels
