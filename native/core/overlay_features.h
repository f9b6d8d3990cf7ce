// The options of an overlay besides its layers, and what of them we pin.
#ifndef OVL_CORE_OVERLAY_FEATURES_H_
#define OVL_CORE_OVERLAY_FEATURES_H_

#include <string>
#include <vector>

#include "core/overlay_spec.h"

namespace ovl {

// Each as "key" or "key=value", in the order in which the kernel is to hear them.
std::vector<std::string> FeatureOptions(const FeatureSpec& features, bool userxattr);

// The value that a list of such options has for a key; the last one counts, as for the kernel.
std::string OptionValue(const std::vector<std::string>& options, const std::string& key);

}  // namespace ovl

#endif  // OVL_CORE_OVERLAY_FEATURES_H_
