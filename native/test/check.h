// The little that unit tests need: tests register themselves, checks report and go on.
#ifndef OVL_TEST_CHECK_H_
#define OVL_TEST_CHECK_H_

#include <concepts>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace check {

// Static, one for each test; the program runs them in the order of their names.
struct Test {
  Test(const char* its_name, void (*its_body)()) : name(its_name), body(its_body), next(first) {
    first = this;
  }
  const char* name;
  void (*body)();
  Test* next;
  inline static Test* first = nullptr;
};

// Reports a failed check; every failure counts against the test that is running.
void Fail(const char* file, int line, std::string_view what);
// Reports why the running test cannot be done here. The test has to return by itself.
void Skip(std::string_view reason);

// Values as a failure shows them.
std::string Show(std::string_view text);
inline std::string Show(const char* text) { return Show(std::string_view(text)); }
inline std::string Show(const std::string& text) { return Show(std::string_view(text)); }
inline std::string Show(bool value) { return value ? "true" : "false"; }
template <std::integral T>
std::string Show(T value) {
  return std::to_string(value);
}
template <typename T>
std::string Show(const std::vector<T>& list) {
  std::string out = "[";
  for (const T& each : list) out.append(out.size() > 1 ? ", " : "").append(Show(each));
  return out + "]";
}

inline bool Expect(bool good, const char* file, int line, const char* what) {
  if (!good) Fail(file, line, what);
  return good;
}

template <typename A, typename B>
bool Equal(const A& a, const B& b) {
  if constexpr (std::integral<A> && std::integral<B> && !std::same_as<A, B>) {
    return std::cmp_equal(a, b);
  } else {
    return a == b;
  }
}

template <typename A, typename B>
bool ExpectEqual(const A& actual, const B& expected, const char* file, int line, const char* what) {
  const bool good = Equal(actual, expected);
  if (!good) {
    Fail(file, line, what + (": got " + Show(actual)) + ", expected " + Show(expected));
  }
  return good;
}

}  // namespace check

#define TEST(name)                                     \
  static void name();                                  \
  static ::check::Test registered_##name{#name, name}; \
  static void name()

// Both say whether the check held, for tests that cannot go on without: if (!CHECK(...)) return;
#define CHECK(...) ::check::Expect(static_cast<bool>(__VA_ARGS__), __FILE__, __LINE__, #__VA_ARGS__)
#define CHECK_EQ(actual, ...) \
  ::check::ExpectEqual(actual, __VA_ARGS__, __FILE__, __LINE__, #actual " == " #__VA_ARGS__)

#endif  // OVL_TEST_CHECK_H_
