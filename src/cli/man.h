// The manual page, made of what the commands declare, so that it says what --help says.
#pragma once

#include <string>

namespace CLI {
class App;
}

namespace wavestride::cli {

/// The page wavestride(1) as roff: every command of `app` with its options, and the footer.
std::string manual_page(const CLI::App& app, const std::string& version);

}  // namespace wavestride::cli
