/** What is done to the view of a program: as the addon knows it (native/core/view_mounts.h), instead of a descriptor. */
export const viewSteps = {
  /** What is mounted there anyhow, without what lies below. */
  carried: -1,
  /** An empty directory in memory, which can be written to. */
  empty: -2,
  /** A directory in one that is in memory. */
  directory: -3,
  /** Nothing of what lies there. */
  hidden: -4,
  /** The same, with directories yet to be made in it. */
  hollow: -5,
  readOnly: -6,
  /** The processes of the program's own PID namespace. */
  proc: -7,
  /** What lies there, which no symbolic link leads to. */
  named: -8,
} as const;
