// Messages for wrong configuration: fail("conv1d: stride must be at least 1, got ", stride).
#pragma once

#include <wavestride/export.h>

#include <cmath>
#include <initializer_list>
#include <ostream>
#include <stdexcept>
#include <string>
#include <type_traits>

namespace wavestride {

/// A part of a message, as a stream writes it; of one type, so that messages share their code.
class MessagePart {
 public:
  MessagePart(const char* text)
      : value_(text), write_([](std::ostream& s, const void* v) { s << static_cast<const char*>(v); }) {}
  template <class T>
  MessagePart(const T& value)
      : value_(&value), write_([](std::ostream& s, const void* v) {
          const T& given = *static_cast<const T*>(v);
          if constexpr (std::is_floating_point_v<T>)
            if (std::isnan(given)) return void(s << "nan");  // whose sign says nothing
          s << given;
        }) {}
  void write(std::ostream& stream) const { write_(stream, value_); }

 private:
  const void* value_;
  void (*write_)(std::ostream&, const void*);
};

WAVESTRIDE_API std::string message_of(std::initializer_list<MessagePart> parts);
[[noreturn]] WAVESTRIDE_API void fail_with(std::initializer_list<MessagePart> parts);

template <class... Parts>
std::string message(const Parts&... parts) {
  return message_of({parts...});
}

template <class... Parts>
[[noreturn]] void fail(const Parts&... parts) {
  fail_with({parts...});
}

/// Throws std::invalid_argument with the parts as its message unless `ok`.
template <class... Parts>
void require(bool ok, const Parts&... parts) {
  if (!ok) fail(parts...);
}

}  // namespace wavestride
