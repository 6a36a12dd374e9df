#include "check.h"

#include <catch2/catch.hpp>
#include <locale>

using namespace wavestride;

TEST_CASE("messages say numbers alike whatever the locale") {
  struct German : std::numpunct<char> {
    char do_decimal_point() const override { return ','; }
    char do_thousands_sep() const override { return '.'; }
    std::string do_grouping() const override { return "\3"; }
  };
  const std::locale before = std::locale::global(std::locale(std::locale::classic(), new German));
  const std::string text = message("at ", 48'000, " Hz, ", 0.5);
  std::locale::global(before);
  CHECK(text == "at 48000 Hz, 0.5");
}
