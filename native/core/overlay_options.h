// The text forms of overlay options: written for mount(2), read back from the mount table.
#ifndef OVL_CORE_OVERLAY_OPTIONS_H_
#define OVL_CORE_OVERLAY_OPTIONS_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ovl {

struct OverlayOptions {
  std::vector<std::string> lower;      // top-most first
  std::vector<std::string> data_only;  // lowers that hold only the data of metacopy files
  std::optional<std::string> upper;
  std::optional<std::string> work;
  bool userxattr = false;
  std::vector<std::string> rest;  // every other option, as text
};

// The value of "lowerdir": `special` is what a backslash has to protect, "\\:" for fsconfig(2) and
// "\\,:" inside the data of mount(2).
std::string FormatLowerdir(const OverlayOptions& options, std::string_view special);

// The length of the entry in the table of mounts, where it is more than 60 KiB: other programs read
// lines into 64 KiB, and stop reading the table where one does not fit.
std::optional<size_t> LongTableLine(const OverlayOptions& options);

// The data string of mount(2). Inside it a backslash protects ',', and in lowerdir ':' as well.
std::string FormatMountData(const OverlayOptions& options);

// The value that a mount has for an option that the table shows only where it is not the kernel's
// default ("index", "metacopy", "redirect_dir"). The default is that of now: it may have been
// another one when the mount was made, which nobody can tell.
std::string EffectiveOption(const OverlayOptions& options, std::string_view name);

// `super_options` of a mount-table entry. Of upper and work the table does not say whether
// backslashes are part of the name (they are where the layer was given as a descriptor): the form
// without them is taken where such a directory exists.
OverlayOptions ParseOverlayOptions(const std::vector<std::string>& super_options);

// The layers that were removed before they were given, as open directories: the kernel wrote down
// "<name> (deleted)", which is a name like any other, so that only what does not exist is meant.
std::vector<std::string> DeletedLayers(const OverlayOptions& options);

}  // namespace ovl

#endif  // OVL_CORE_OVERLAY_OPTIONS_H_
