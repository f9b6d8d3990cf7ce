// Options that exclude each other, that this kernel does not know, or that it would drop in
// silence.
#ifndef OVL_CORE_OPTION_CHECK_H_
#define OVL_CORE_OPTION_CHECK_H_

#include <optional>
#include <string>
#include <vector>

#include "core/finding.h"
#include "core/layer_place.h"
#include "core/overlay_spec.h"

namespace ovl {

// What the kernel refuses at creation, with a bare EINVAL: told by the options alone. `options` as
// FeatureOptions() gives them.
Findings FindOptionConflicts(const OverlaySpec& spec, const std::vector<std::string>& options);

// What the kernel refuses when it parses them: asked of the kernel, where it can be asked
// (kernel_support.h).
Findings FindUnknownOptions(const std::vector<std::string>& options);

// The layers an option can depend on, open with O_PATH or for reading.
struct OptionLayers {
  struct Layer {
    int fd;  // -1: it does not exist yet
    const std::string* path;
  };
  std::vector<Layer> lowers;
  std::optional<Layer> upper;
};

// An option that was asked for and would be switched off: "option-needs-upper",
// "option-would-be-dropped". No system call unless index, nfs_export, uuid or volatile is on.
std::optional<Finding> FindDroppedOption(const std::vector<std::string>& options,
                                         const OptionLayers& layers);

// What the kernel accepts in the options to the user's harm; to be called before every mount. Raw
// options that name a layer or repeat an option of its own ("option-is-layer", "option-repeated":
// the last would win), else FindDroppedOption().
std::optional<Finding> FindAcceptedMistake(const FeatureSpec& features,
                                           const std::vector<std::string>& options,
                                           const OptionLayers& layers);

// With an index: an upper that was used with another lower ("stale-origin"), or a workdir with
// another upper ("stale-index"). Both directories exist.
std::optional<Finding> FindStaleOrigin(const std::vector<std::string>& options,
                                       const OptionLayers& layers);

// `work` is open. `upper_is_new`: the upper does not exist yet, and an index cannot be of it.
std::optional<Finding> FindStaleIndex(const std::vector<std::string>& options,
                                      const OptionLayers& layers, bool upper_is_new, int work,
                                      const std::string& work_path);

}  // namespace ovl

#endif  // OVL_CORE_OPTION_CHECK_H_
