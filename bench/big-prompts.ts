import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type PickerChild, startPickerChild } from "./picker-child.ts";
import { connectHost, type Exchanged, sendPrompt } from "./prompt-sender.ts";

/**
 * npm run bench:big [-- --rounds 3 --prompts 10 --megabytes 10]
 *
 * Sends big prompts at once through a picker in a process of its own, round by round, and says what they cost it. Exits 1 when
 * bytes change, memory does not stay, buffers are not given back or the event loop stands still for too long.
 */
const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    prompts: { type: "string", default: "10" },
    megabytes: { type: "string", default: "10" },
  },
});
const [rounds, prompts, megabytes] = [Number(values.rounds), Number(values.prompts), Number(values.megabytes)];

/** Bounds: growth of the last round's peak over the first's, bytes still held after a round, the best round's longest stall. */
const limits = { peakGrowth: 1.1, heldBytes: 8 * 1024 * 1024, stallMs: 100 };

interface Round {
  readonly peakMiB: number;
  readonly heldBytes: number;
  readonly stallMs: number;
  readonly seconds: number;
  readonly changed: number;
}

const folder = mkdtempSync(join(tmpdir(), "epp-bench-"));
try {
  const endpoints = join(folder, "endpoints.json");
  writeFileSync(endpoints, JSON.stringify({ endpoints: [{ name: "one", address: "127.0.0.1", port: "9" }] }));
  const picker = await startPickerChild(endpoints);
  try {
    process.exitCode = report(await measure(picker));
  } finally {
    await picker.stop();
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function measure(picker: PickerChild): Promise<Round[]> {
  const bodies = Array.from({ length: prompts }, (_, index) => aBody(index));
  const hashes = bodies.map((body) => createHash("sha256").update(body).digest("hex"));
  const host = connectHost(picker.grpcPort);
  // Loads and compiles the code that the rounds run.
  await sendPrompt(host, bodies[0] ?? Buffer.alloc(0));
  // The gauge tells the time between looks at the loop; without a stall that is the time between looks.
  await picker.sample(lag(1));
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const idleMs = 1000 * ((await picker.sample(lag(0.5))) ?? Number.NaN);
  const measured: Round[] = [];
  for (let round = 0; round < rounds; round++) {
    await picker.sample(lag(1));
    const isReset = picker.resetPeak();
    if (!isReset && round === 0) console.log("  the peak cannot be reset here: peaks are those since the start");
    const startMs = performance.now();
    const exchanged = await Promise.all(bodies.map((body) => sendPrompt(host, body)));
    const seconds = (performance.now() - startMs) / 1000;
    const peakMiB = picker.peakMiB();
    const stallMs = 1000 * ((await picker.sample(lag(1))) ?? Number.NaN) - idleMs;
    const heldBytes = (await picker.sample("epp_buffered_bytes")) ?? Number.NaN;
    measured.push({ peakMiB, heldBytes, stallMs, seconds, changed: countChanged(exchanged, hashes) });
    print(round, measured.at(-1) as Round);
  }
  host.close();
  return measured;
}

/** Reading it begins a new measurement. */
function lag(quantile: number): string {
  return `epp_event_loop_lag_seconds{quantile="${quantile}"}`;
}

function countChanged(exchanged: readonly Exchanged[], hashes: readonly string[]): number {
  return exchanged.filter(({ sha256, refusal }, index) => refusal !== undefined || sha256 !== hashes[index]).length;
}

/** A conversation as long as wanted, text with escapes and letters beyond ASCII. */
function aBody(index: number): Buffer {
  const unit = `${index}: The quick brown fox jumps over the lazy dog.\n\t"So what?" 敏捷 – ${"word ".repeat(20)}`;
  const content = unit.repeat(Math.ceil((megabytes * 1_000_000) / Buffer.byteLength(JSON.stringify(unit))));
  return Buffer.from(JSON.stringify({ model: "base", messages: [{ role: "user", content }], stream: true }));
}

function print(round: number, { peakMiB, heldBytes, stallMs, seconds, changed }: Round): void {
  const parts = [
    `round ${round + 1}: peak RSS ${peakMiB.toFixed(0)} MiB`,
    `held after it ${heldBytes} bytes`,
    `longest stall ${stallMs.toFixed(0)} ms`,
    `${seconds.toFixed(1)} s`,
    `${changed} of ${prompts} changed`,
  ];
  console.log(`  ${parts.join(", ")}`);
}

/** Prints the verdicts; the exit code. */
function report(measured: readonly Round[]): number {
  const growth = (measured.at(-1)?.peakMiB ?? Number.NaN) / (measured[0]?.peakMiB ?? Number.NaN);
  const held = Math.max(...measured.map(({ heldBytes }) => heldBytes));
  const stall = Math.min(...measured.map(({ stallMs }) => stallMs));
  const verdicts: readonly (readonly [isMet: boolean, text: string])[] = [
    [measured.every(({ changed }) => changed === 0), `every prompt arrives as it was sent`],
    [growth <= limits.peakGrowth, `last peak ${growth.toFixed(2)} x the first, limit ${limits.peakGrowth}`],
    [held <= limits.heldBytes, `at most ${held} bytes held after a round, limit ${limits.heldBytes}`],
    [stall <= limits.stallMs, `longest stall of the best round ${stall.toFixed(0)} ms, limit ${limits.stallMs}`],
  ];
  for (const [isMet, text] of verdicts) console.log(`${isMet ? "met" : "MISSED"}: ${text}`);
  return verdicts.every(([isMet]) => isMet) ? 0 : 1;
}
