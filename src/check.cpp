#include "check.h"

#include <locale>
#include <sstream>

namespace wavestride {

std::string message_of(std::initializer_list<MessagePart> parts) {
  std::ostringstream s;
  s.imbue(std::locale::classic());  // whatever the program that uses the library has chosen
  for (const MessagePart& part : parts) part.write(s);
  return s.str();
}

void fail_with(std::initializer_list<MessagePart> parts) {
  throw std::invalid_argument(message_of(parts));
}

}  // namespace wavestride
