#include "core/mount_attributes.h"

#include <sys/mount.h>

#include "test/check.h"

TEST(MountAttributesOfTheTable) {
  CHECK_EQ(ovl::ParseMountAttributes("rw,relatime"), 0U);
  CHECK_EQ(ovl::ParseMountAttributes("rw"), ovl::kAttrStrictatime);
  CHECK_EQ(ovl::ParseMountAttributes(""), ovl::kAttrStrictatime);
  CHECK_EQ(ovl::ParseMountAttributes("ro,noatime"), ovl::kAttrReadOnly | ovl::kAttrNoatime);
  CHECK_EQ(ovl::ParseMountAttributes("rw,nosuid,nodev,noexec,noatime,nodiratime,nosymfollow"),
           ovl::kAttrNosuid | ovl::kAttrNodev | ovl::kAttrNoexec | ovl::kAttrNoatime |
               ovl::kAttrNodiratime | ovl::kAttrNosymfollow);
  // A word is whole, and one that is no attribute changes nothing.
  CHECK_EQ(ovl::ParseMountAttributes("rows,noexecs,idmapped,relatime"), 0U);
}

TEST(MountFlagsAlwaysHaveAnAccessTimeMode) {
  CHECK_EQ(ovl::ToMountFlags(0), static_cast<uint64_t>(MS_RELATIME));
  CHECK_EQ(ovl::ToMountFlags(ovl::kAttrStrictatime), static_cast<uint64_t>(MS_STRICTATIME));
  CHECK_EQ(ovl::ToMountFlags(ovl::kAttrNoatime | ovl::kAttrNodiratime),
           static_cast<uint64_t>(MS_NOATIME | MS_NODIRATIME));
  CHECK_EQ(ovl::ToMountFlags(ovl::kAttrReadOnly | ovl::kAttrNosuid | ovl::kAttrNodev |
                             ovl::kAttrNoexec | ovl::kAttrNosymfollow),
           static_cast<uint64_t>(MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | 256 | MS_RELATIME));
}

TEST(ChangedAttributesKeepWhatIsNotNamed) {
  ovl::MountAttributeChange change;
  change.set = ovl::kAttrReadOnly;
  change.clear = ovl::kAttrNodev;
  CHECK_EQ(ovl::ChangedAttributes(ovl::kAttrNosuid | ovl::kAttrNodev, change),
           ovl::kAttrNosuid | ovl::kAttrReadOnly);
  // As mount_setattr does it, first clear, then set.
  change.set = ovl::kAttrStrictatime;
  change.clear = ovl::kAttrAtimeMask;
  CHECK_EQ(ovl::ChangedAttributes(ovl::kAttrNoatime, change), ovl::kAttrStrictatime);
}
