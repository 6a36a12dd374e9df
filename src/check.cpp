#include "check.h"

#include <sstream>

namespace wavestride {

std::string message_of(std::initializer_list<MessagePart> parts) {
  std::ostringstream s;
  for (const MessagePart& part : parts) part.write(s);
  return s.str();
}

void fail_with(std::initializer_list<MessagePart> parts) {
  throw std::invalid_argument(message_of(parts));
}

}  // namespace wavestride
