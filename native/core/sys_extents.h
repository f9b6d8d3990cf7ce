// Where files lie on their filesystem (FIEMAP).
#ifndef OVL_CORE_SYS_EXTENTS_H_
#define OVL_CORE_SYS_EXTENTS_H_

#include <sys/types.h>

namespace ovl {

// How many of the first `size` bytes of two open files of one filesystem are certainly the same,
// because they are the same blocks, as after a copy-up by reflink. What follows may be the same as
// well.
//
// Reference: Documentation/filesystems/fiemap.rst in the kernel tree.
off_t SharedLength(int a, int b, off_t size);

}  // namespace ovl

#endif  // OVL_CORE_SYS_EXTENTS_H_
