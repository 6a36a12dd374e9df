// Options that are integers.
#pragma once

#include <CLI/CLI.hpp>
#include <charconv>
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

}  // namespace wavestride::cli
