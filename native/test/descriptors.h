// What a test leaves open, and what comes out of a descriptor.
#ifndef OVL_TEST_DESCRIPTORS_H_
#define OVL_TEST_DESCRIPTORS_H_

#include <cstddef>
#include <string>

// How many this process has; always the same one too many, through which they are counted.
size_t Descriptors();

// Everything up to the end.
std::string ReadAll(int fd);

#endif  // OVL_TEST_DESCRIPTORS_H_
