import type { ChildProcess } from "node:child_process";
import { type Clock, sleep } from "../../src/lib/clock.ts";

const patienceMs = 3000;

/** Asks a child to end and, when it does not, ends it; resolves when it has ended. */
export async function endProcess(child: ChildProcess, ended: Promise<void>, clock: Clock): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  child.kill("SIGTERM");
  await Promise.race([ended, sleep(clock, patienceMs)]);
  if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
  await ended;
}
