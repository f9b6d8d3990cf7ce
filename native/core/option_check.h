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
    int fd;
    const std::string* path;
  };
  std::vector<Layer> lowers;
  std::optional<Layer> upper;
};

// An option that was asked for and would be switched off: "option-needs-upper",
// "option-would-be-dropped". No system call unless index, nfs_export, uuid or volatile is on.
std::optional<Finding> FindDroppedOption(const std::vector<std::string>& options,
                                         const OptionLayers& layers);

// With an index: an upper that was used with another lower ("stale-origin"), or a workdir with
// another upper ("stale-index"). `work` is -1 where it does not exist yet.
std::optional<Finding> FindStaleIndex(const std::vector<std::string>& options,
                                      const OptionLayers& layers, int work,
                                      const std::string& work_path);

}  // namespace ovl

#endif  // OVL_CORE_OPTION_CHECK_H_
