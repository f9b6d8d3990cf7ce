// What every way of starting a program is told alike.
#ifndef OVL_BINDING_PROGRAM_H_
#define OVL_BINDING_PROGRAM_H_

#include <napi.h>

#include "core/program_spec.h"

namespace ovl {

// {file, args, env, cwd}; the descriptors of `stdio` are the caller's to look after. Of an `env`
// that is null the environment of this process is taken.
void ReadProgram(const Napi::Object& from, ProgramSpec& spec);

}  // namespace ovl

#endif  // OVL_BINDING_PROGRAM_H_
