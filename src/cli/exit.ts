/** Exit codes of every command: done, the answer is no, wrong usage. */
export const exitCode = { done: 0, no: 1, usage: 2 } as const;

/** The command line itself is wrong: exit 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
