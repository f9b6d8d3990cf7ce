// The forms in which an overlay is mounted, and one life of each, for tests that go through all.
#ifndef OVL_TEST_OVERLAY_FORMS_H_
#define OVL_TEST_OVERLAY_FORMS_H_

#include <string>
#include <vector>

#include "core/overlay_spec.h"
#include "test/tree.h"

// Lowers that several overlays have in common: one with the file "shared", and many with names so
// long that mount(2) does not take all of them.
class SharedLowers {
 public:
  explicit SharedLowers(const std::string& base);

  std::string lower() const { return tree_.Path("lower"); }
  std::vector<std::string> many() const;

 private:
  Tree tree_;
};

struct OverlayForm {
  const char* name;
  bool rootless;  // an ordinary user can have it as well
  void (*adjust)(ovl::OverlaySpec& spec, const std::string& base, const SharedLowers& lowers);
};

// Those that the calling process can have.
std::vector<const OverlayForm*> OverlayForms();

// The places of one overlay below `base`: "target", and "upper" and "scratch" for what is written.
void MakePlaces(const std::string& base);

// Mounts, looks at what the lower shows, writes, and closes. Empty if all of it is as it should be
// and nothing is left at the places but what was written to an upper, which is removed.
std::string MountWriteClose(const OverlayForm& form, const std::string& base,
                            const SharedLowers& lowers);

// "mkdir /a: errno 2 (reason)".
std::string Text(const ovl::Failure& failure);

// "" or the text of a failure, for checks.
template <typename T>
std::string FailureOf(const ovl::Result<T>& result) {
  return result.ok() ? "" : Text(result.failure());
}

#endif  // OVL_TEST_OVERLAY_FORMS_H_
