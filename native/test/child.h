// Other processes in tests: a body that runs in a child, and words between it and the test.
#ifndef OVL_TEST_CHILD_H_
#define OVL_TEST_CHILD_H_

#include <sys/types.h>

#include <functional>
#include <string>
#include <string_view>

class Child {
 public:
  // Forks. The child runs the body and ends; it is killed with this object at the latest. A failed
  // check in it is printed only, so what counts has to be said.
  explicit Child(const std::function<void(const Child&)>& body);
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  // In the child: one line to the test.
  void Say(std::string_view line) const;
  // In the child: until the test says Continue, or has ended.
  void Pause() const;

  // In the test: the next line of the child; empty when it has ended.
  std::string Hear() const;
  void Continue() const;
  // SIGKILL, and waits until it is gone.
  void Kill();
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
  int hear_ = -1;
  int say_ = -1;
};

// The calling process becomes an ordinary user for good, and can still be looked at in /proc by
// other processes of that user.
inline constexpr uid_t kOrdinaryUser = 1000;
bool BecomeOrdinaryUser();

// A mount namespace of the calling process's own that nothing propagates out of; also a user
// namespace in which it is root.
bool EnterMountNamespace();
bool EnterUserNamespace();

#endif  // OVL_TEST_CHILD_H_
