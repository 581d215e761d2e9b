import type { Command } from "commander";

/** Commands of the contract that this version does not have yet. */
const unavailable: readonly (readonly [name: string, instead: string])[] = [
  ["record", "there is no substitute yet"],
  ["replay", "there is no substitute yet"],
];

/** Refuses them by name with a hint, instead of as unknown commands. */
export function registerUnavailable(program: Command): void {
  for (const [name, instead] of unavailable) {
    program
      .command(name, { hidden: true })
      .allowUnknownOption()
      .argument("[anything...]")
      .action(() =>
        program.error(`error: command '${name}' is not available in this version; ${instead}`, { exitCode: 2 }),
      );
  }
}
