// What a fuzzer feeds to a reader of files, as a file of its own in memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

namespace wavestride::testing {

/// Gives `read` the path of a file of these bytes. An IoError is what a reader owes to a bad file; whatever
/// else it throws ends the program.
void feed(const std::uint8_t* data, std::size_t size, const std::function<void(const std::string&)>& read);

}  // namespace wavestride::testing
