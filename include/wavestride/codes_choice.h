// The networks that can be made of a codec's file, each of which takes the codes of some number of its
// codebooks; and the one that an array of codes is for.
#pragma once

#include <wavestride/model.h>

namespace WAVESTRIDE_API wavestride {

/// One of them.
struct CodesChoice {
  Index codebooks;                       ///< the first ones, as in ModelOptions
  Index per_frame;                       ///< codes of a frame
  std::optional<double> bandwidth_kbps;  ///< that says the same, where the codec has bandwidths
};

/// The one that was chosen, and all that there are.
struct CodesModel {
  Model model;
  std::vector<CodesChoice> choices = {};  ///< none where it takes no codes
};

/// load_model() for frames of `per_frame` codes, as the rows of an array are: where the options name neither
/// bandwidth nor codebooks, the choice of which frames have so many, as far as there is one; else, and where
/// nothing is said, what load_model() gives. Throws as that does.
CodesModel load_model_for_codes(const std::string& path, const ModelOptions& options,
                                std::optional<Index> per_frame);

}  // namespace wavestride
