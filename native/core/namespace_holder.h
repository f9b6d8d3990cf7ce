// A process that does nothing but hold a new user namespace, so that its maps can be written.
#ifndef OVL_CORE_NAMESPACE_HOLDER_H_
#define OVL_CORE_NAMESPACE_HOLDER_H_

#include <sys/types.h>

#include <string>

#include "core/child_stack.h"
#include "core/result.h"
#include "core/unique_fd.h"

namespace ovl {

// The process ends with this object, or with the calling thread. It shares our memory, so that
// nothing of a big heap is copied, and our descriptors: copies of them would keep busy what other
// threads unmount meanwhile.
class NamespaceHolder {
 public:
  NamespaceHolder() = default;
  NamespaceHolder(const NamespaceHolder&) = delete;
  NamespaceHolder& operator=(const NamespaceHolder&) = delete;
  ~NamespaceHolder();

  Status Start();
  pid_t pid() const { return pid_; }
  std::string Proc(const char* name) const { return "/proc/" + std::to_string(pid_) + "/" + name; }
  // The namespace, which then lives on without a process.
  Result<UniqueFd> OpenNamespace() const;

 private:
  ChildStack stack_;
  pid_t parent_ = -1;
  pid_t pid_ = -1;

  static int Hold(void* holder);
};

}  // namespace ovl

#endif  // OVL_CORE_NAMESPACE_HOLDER_H_
