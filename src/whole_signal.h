// Base of the kernels that need the whole signal before they can make a frame.
#pragma once

#include <wavestride/kernel.h>

namespace wavestride {

class WholeSignalKernel : public Kernel {
 public:
  std::optional<std::string> whole_signal_reason() const final { return reason_; }

 protected:
  /// `reason` ends the message of NotStreamable.
  WholeSignalKernel(std::string name, Index channels, Index out_channels, std::string reason)
      : Kernel(std::move(name), {{channels, {}, {}}}, out_channels), reason_(std::move(reason)) {}

 private:
  std::string reason_;
};

}  // namespace wavestride
