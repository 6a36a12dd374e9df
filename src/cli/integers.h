// Options that are numbers.
#pragma once

#include <CLI/CLI.hpp>
#include <charconv>
#include <cmath>
#include <limits>
#include <string>

#include "check.h"

namespace wavestride::cli {

/// For an option's transform(): only a decimal integer from `low` to `high` passes. Without it CLI11 takes
/// 010 for 8 and 0x10 for 16, and says little of what is out of range.
template <class T>
CLI::Validator decimal(T low, T high = std::numeric_limits<T>::max()) {
  return CLI::Validator(
      [low, high](std::string& text) -> std::string {
        T value{};
        const char* end = text.data() + text.size();
        const auto [at, error] = std::from_chars(text.data(), end, value);
        if (error != std::errc{} || at != end || value < low || value > high)
          return message("must be an integer from ", low, " to ", high, ", got ", text);
        text = std::to_string(value);
        return {};
      },
      "");
}

/// For an option's check(): only a number from `low` to `high`, which NaN and infinities are not.
inline CLI::Validator number(double low, double high) {
  return CLI::Validator(
      [low, high](std::string& text) -> std::string {
        double value = NAN;
        return CLI::detail::lexical_cast(text, value) && value >= low && value <= high
                   ? ""
                   : message("must be a number from ", low, " to ", high, ", got ", text);
      },
      "");
}

/// Likewise, a finite number above 0.
inline CLI::Validator positive(const std::string& unit) {
  return CLI::Validator(
      [unit](std::string& text) -> std::string {
        double value = NAN;
        return CLI::detail::lexical_cast(text, value) && value > 0 && std::isfinite(value)
                   ? ""
                   : "must be a number of " + unit + " above 0, got " + text;
      },
      "");
}

}  // namespace wavestride::cli
