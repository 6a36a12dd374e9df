// Names and texts of strangers, for a terminal.
#pragma once

#include <wavestride/export.h>

#include <string>
#include <string_view>

namespace WAVESTRIDE_API wavestride {

/// What a terminal would obey, control characters and those that turn the direction of text, and bytes that
/// are no UTF-8 become \n, \t, \r or a backslash and three octal digits. What this gave stays as it is.
std::string printable(std::string_view text);

}  // namespace wavestride
