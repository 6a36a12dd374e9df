#include "printable.h"

#include <algorithm>

namespace wavestride {
namespace {

/// Bytes of the character that `text` begins with; 0 where that is no UTF-8, or a control character.
[[gnu::cold]] std::size_t character_bytes(std::string_view text) {
  const auto byte = [&](std::size_t i) -> unsigned { return static_cast<unsigned char>(text[i]); };
  const unsigned first = byte(0);
  if (first < 0x80) return first >= 0x20 && first != 0x7f ? 1 : 0;
  const std::size_t size = first < 0xc0 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf8 ? 4 : 0;
  if (size == 0 || size > text.size()) return 0;
  unsigned code = first & (0x7fu >> size);
  for (std::size_t i = 1; i < size; ++i) {
    if (byte(i) >> 6 != 2) return 0;
    code = code << 6 | (byte(i) & 0x3f);
  }
  // From U+00A0 on, what lies below being control characters, without halves of pairs, and without what turns
  // the text behind it or is not seen.
  constexpr unsigned least[] = {0xa0, 0x800, 0x10000};
  const bool turns =
      (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069) || code == 0xfeff;
  return code >= least[size - 2] && code >> 11 != 0xd800 >> 11 && code <= 0x10ffff && !turns ? size : 0;
}

}  // namespace

[[gnu::cold]] std::string printable(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    const std::size_t whole = character_bytes(text), bytes = std::max<std::size_t>(whole, 1);
    const auto code = static_cast<unsigned char>(text[0]);
    const auto digit = [&](int shift) { return static_cast<char>('0' + (code >> shift & 7)); };
    if (whole > 0)
      result += text.substr(0, whole);
    else if (code == '\n' || code == '\t' || code == '\r')
      (result += '\\') += code == '\n' ? 'n' : code == '\t' ? 't' : 'r';
    else
      result.append({'\\', digit(6), digit(3), digit(0)});
    text.remove_prefix(bytes);
  }
  return result;
}

}  // namespace wavestride
