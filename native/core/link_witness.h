// What a look at its own directory tells of the links of a file, so that most files of several
// names need no survey of the whole upper.
#ifndef OVL_CORE_LINK_WITNESS_H_
#define OVL_CORE_LINK_WITNESS_H_

#include <cstdint>

#include "core/layers.h"
#include "core/link_index.h"
#include "core/result.h"
#include "core/sides.h"

namespace ovl {

enum class LinkWitness : uint8_t {
  kNothing,    // it takes the survey
  kChanged,    // the file has certainly other names than it had
  kUnchanged,  // all its names are in this directory, and were those of its file before
};

// Of an entry whose links can be judged only by more names than its own (LinkSurvey::Needed).
Result<LinkWitness> AskBeside(const Layers& layers, const Sides& sides, const LinkIndex& index);

}  // namespace ovl

#endif  // OVL_CORE_LINK_WITNESS_H_
