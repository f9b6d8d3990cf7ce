#!/bin/sh
# Node.js for one file of tests, in a mount namespace of its own: a test that unshares one, or starts
# a program that does, copies the mounts of whoever runs beside it and keeps them busy.
# Arguments: those of Node.js. Which one: OVERLAYFS_TEST_NODE.
overlays() { awk '{ for (i = 6; i < NF; i++) if ($i == "-" && $(i + 1) == "overlay") print $5 }' /proc/self/mountinfo; }

if [ "$1" != --inside ]; then
  exec unshare --mount --propagation private -- "$0" --inside "$@"
fi
shift
before=$(overlays)
# ava ends a file that hangs by a signal to this shell.
setpriv --pdeathsig KILL -- "$OVERLAYFS_TEST_NODE" "$@"
code=$?
# What is left here goes with the namespace, and nobody else could see it.
if [ "$(overlays)" != "$before" ]; then
  printf '\n  ✘ [left behind] overlays of a test file: %s\n' "$(overlays | tr '\n' ' ')"
  [ "$code" -ne 0 ] || code=1
fi
exit "$code"
