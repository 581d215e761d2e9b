/**
 * Entry of a child process that runs emulated servers; see `spawnEmulatedPool`. It waits for a "start" message, answers
 * "ready" or "failed", answers "stats" messages, and exits when the channel closes or on SIGTERM. SIGINT is left to the
 * parent, which a Ctrl-C reaches too.
 */
import { systemClock } from "../../src/lib/clock.ts";
import { createRandom } from "../../src/lib/random.ts";
import { type EmulatedPool, startEmulatedServers } from "./pool.ts";
import type { EndpointReport, FromPoolProcess, ToPoolProcess } from "./process-messages.ts";

let pool: EmulatedPool | undefined;

function reply(message: FromPoolProcess): void {
  // The parent may have gone since it asked; then "disconnect" ends this process.
  process.send?.(message, undefined, {}, () => {});
}

async function start({ spec, seed }: Extract<ToPoolProcess, { kind: "start" }>): Promise<void> {
  try {
    pool = await startEmulatedServers({ ...spec, clock: systemClock, random: createRandom(seed) });
    reply({ kind: "ready", endpoints: pool.endpoints });
  } catch (error) {
    reply({ kind: "failed", message: (error as Error).message });
  }
}

function report(running: EmulatedPool): EndpointReport[] {
  return running.endpoints.map(({ name }) => ({ name, load: running.load(name), stats: running.stats(name) }));
}

process.on("message", (message: ToPoolProcess) => {
  if (message.kind === "start") void start(message);
  else reply({ kind: "stats", id: message.id, reports: pool === undefined ? [] : report(pool) });
});
process.on("disconnect", () => process.exit(0));
process.on("SIGTERM", () => process.exit(0));
process.on("SIGINT", () => {});
