import { spawn } from "node:child_process";
import { once } from "node:events";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";

const entry = fileURLToPath(new URL("./epp-command.mjs", import.meta.url));

/** How a command ended. */
export interface EppRun {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command under way. */
export interface RunningEpp {
  readonly pid: number;
  /** Standard error so far. */
  stderr(): string;
  /** Resolves when standard error has a line that matches; rejects when the command ends first. */
  says(pattern: RegExp): Promise<void>;
  kill(signal: NodeJS.Signals): void;
  readonly ended: Promise<EppRun>;
}

/** Starts `epp` with `args` from the sources, with more flags of Node's or variables if need be; ended with the test. */
export function startEpp(
  t: TestContext,
  args: readonly string[],
  nodeFlags: readonly string[] = [],
  env: NodeJS.ProcessEnv = {},
): RunningEpp {
  const child = spawn(process.execPath, ["--import", "tsx", ...nodeFlags, entry, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...env },
  });
  let [stdout, stderr, hasEnded] = ["", "", false];
  const wakers = new Set<() => void>();
  const wake = (): void => {
    for (const waker of wakers) waker();
  };
  child.stdout.on("data", (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr.on("data", (chunk: Buffer) => {
    stderr += chunk.toString();
    wake();
  });
  const ended = once(child, "close").then(([code]: (number | null)[]) => {
    hasEnded = true;
    wake();
    return { code: code ?? null, stdout, stderr };
  });
  t.after(async () => {
    if (!hasEnded) child.kill("SIGKILL");
    await ended;
  });
  return {
    pid: child.pid ?? 0,
    stderr: () => stderr,
    says: (pattern) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (pattern.test(stderr)) resolve();
          else if (hasEnded) reject(new Error(`ended without ${pattern}: ${stderr}`));
        };
        wakers.add(look);
        look();
      }),
    kill: (signal) => child.kill(signal),
    ended,
  };
}

/** Runs `epp` with `args` to its end, with more environment variables if need be. */
export function runEpp(t: TestContext, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<EppRun> {
  return startEpp(t, args, [], env).ended;
}
