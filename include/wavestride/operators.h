// Operators by name, their settings as text: for command lines, configuration files and bindings to other
// languages. `wavestride apply --list` shows the table.
#pragma once

#include <wavestride/op.h>

#include <map>
#include <string_view>

namespace WAVESTRIDE_API wavestride {

/// A setting of an operator.
struct OperatorOption {
  std::string_view name;  ///< "stride"; an array is "weight" or "bias"
  std::string values;     ///< what it takes: "ARRAY", "N", "N,...", "X", "NAME", or words as "max|mean"
  std::string_view help;
  bool required = false;
};

/// What the table holds of an operator.
struct OperatorInfo {
  std::string_view name;  ///< "conv1d"
  std::string_view summary;
  std::vector<OperatorOption> options;
  Index least_inputs = 1, most_inputs = 1;
};

/// All of them, in the order of their kind.
std::span<const OperatorInfo> known_operators();
/// Throws std::invalid_argument on an unknown name, listing the known ones.
const OperatorInfo& operator_info(std::string_view name);

/// What op::by_name() makes an operator of.
struct OperatorSettings {
  std::vector<Index> channels = {};  ///< of each input
  std::vector<Index> lengths = {};   ///< frames of each input, for max_unpool1d's output-size alone
  std::map<std::string, std::string, std::less<>> options = {};  ///< {"padding", "same"}, {"stride", "2"}
  std::map<std::string, Tensor, std::less<>> arrays = {};  ///< "weight" and "bias", shaped as in PyTorch
};

/// Throws std::invalid_argument when no operator has this option, or when the text is no value of its kind.
void check_operator_option(std::string_view option, std::string_view value);

namespace op {

/// by_name("max_pool1d", {.channels = {2}, .options = {{"kernel-size", "4"}}}) is op::max_pool1d(2, {4}),
/// with
/// {"return-indices", "true"} op::max_pool1d_with_offsets(2, {4}).
/// Throws std::invalid_argument on an unknown name or option, where a required one is missing, on text that
/// is no value, on another number of inputs or of their channels, and as the operator itself.
Op by_name(std::string_view name, const OperatorSettings& settings);

}  // namespace op

}  // namespace wavestride
