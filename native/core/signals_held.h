// Keeps signals from a child that is being cloned.
#ifndef OVL_CORE_SIGNALS_HELD_H_
#define OVL_CORE_SIGNALS_HELD_H_

#include <csignal>

namespace ovl {

// Every signal waits, in the calling thread, for as long as this lives. A child cloned meanwhile
// begins with copies of our handlers, which must not run in it: libuv's would write into a pipe
// that parent and child have in common.
class SignalsHeld {
 public:
  SignalsHeld() {
    sigset_t all;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  SignalsHeld(const SignalsHeld&) = delete;
  SignalsHeld& operator=(const SignalsHeld&) = delete;
  ~SignalsHeld() { (void)pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_{};
};

}  // namespace ovl

#endif  // OVL_CORE_SIGNALS_HELD_H_
