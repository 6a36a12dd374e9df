#include "printable.h"

#include <catch2/catch.hpp>

using namespace wavestride;

TEST_CASE("what a terminal would obey is escaped, and UTF-8 stays as it is") {
  const std::string text = "lång — 声 𝄞 é\u00a0…\\033";
  CHECK(printable(text) == text);
  CHECK(printable("") == "");
  CHECK(printable("a\nb\tc\rd") == "a\\nb\\tc\\rd");
  CHECK(printable("\x1b[2J\x7f") == "\\033[2J\\177");
  CHECK(printable({"\0x", 2}) == "\\000x");
  CHECK(printable("\u009b2J") ==
        "\\302\\2332J");  // what \x1b[ is in 8 bits, which terminals obey as UTF-8, too
  CHECK(printable("no\u202epe\u2069\ufeff") == "no\\342\\200\\256pe\\342\\201\\251\\357\\273\\277");
  CHECK(printable("l\xe5ng") == "l\\345ng");
  // Cut, overlong, half of a pair, beyond the last.
  CHECK(printable("\xe2\x80") == "\\342\\200");
  CHECK(printable("\xc0\x9b\xe0\x80\x9b") == "\\300\\233\\340\\200\\233");
  CHECK(printable("\xed\xa0\x80") == "\\355\\240\\200");
  CHECK(printable("\xf4\x90\x80\x80\xff") == "\\364\\220\\200\\200\\377");
}
