// A value or the failure that prevented it. The core is built without exceptions, so every
// operation that can fail says so in its type, and the compiler warns when nobody looks.
#ifndef OVL_CORE_RESULT_H_
#define OVL_CORE_RESULT_H_

#include <cerrno>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace ovl {

// One failed system call, or one refusal of our own.
struct Failure {
  // Out of line, all of them: nearly every function makes or passes on a failure, and what it takes
  // to move and destroy four strings was most of our code.
  Failure();
  Failure(int error, const char* its_call, std::string its_path = {}, std::string its_dest = {},
          const char* its_reason = "");
  Failure(const Failure& other);
  Failure(Failure&& other) noexcept;
  Failure& operator=(const Failure& other);
  Failure& operator=(Failure&& other) noexcept;
  ~Failure();

  int err = 0;            // errno, positive
  const char* call = "";  // the real system call ("openat", "mount"); never a made-up verb
  std::string path;       // what it was called on; bytes, not text
  std::string dest;       // second path of calls that have one
  const char* reason =
      "";              // our own diagnosis, a stable word lib/ explains; "" if errno says it all
  std::string detail;  // what the sentence of the reason names besides the paths
  std::vector<std::string> log;  // what the kernel said, in its own words
};

// Something to know about a success, in the words of a failure.
struct Notice {
  const char* reason = "";
  std::string path;
  std::string dest;
  std::string detail;
};

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value)
      : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT: implicit on purpose
  Result(Failure failure)                                    // NOLINT: as above
      : state_(std::in_place_index<1>, std::move(failure)) {}

  bool ok() const { return state_.index() == 0; }
  T& value() { return *std::get_if<0>(&state_); }
  const T& value() const { return *std::get_if<0>(&state_); }
  Failure& failure() { return *std::get_if<1>(&state_); }
  const Failure& failure() const { return *std::get_if<1>(&state_); }

 private:
  std::variant<T, Failure> state_;
};

struct Done {};
using Status = Result<Done>;

// Takes errno at once: anything in between could overwrite it.
Failure Errno(const char* call, std::string path = {}, std::string dest = {});

Failure Refusal(int err, const char* call, const char* reason, std::string path = {},
                std::string dest = {});

}  // namespace ovl

#endif  // OVL_CORE_RESULT_H_
