import { emitKeypressEvents } from "node:readline";
import type { Command } from "commander";
import { createLogUpdate } from "log-update";
import { formatPicker, type PickerAddress } from "../decisions/ask-picker.ts";
import { findDecisions, tellDecisions, tellMissing } from "../decisions/find-decisions.ts";
import { sleep, systemClock } from "../lib/clock.ts";
import { askBoth } from "../top/ask-both.ts";
import { type PressedKey, pressKey } from "../top/keys.ts";
import { renderScreen, type ScreenSize, type ScreenState } from "../top/screen.ts";
import { UsageError } from "./exit.ts";
import { addressValue, durationValue } from "./option-values.ts";

interface TopOptions {
  addr: PickerAddress;
  interval: number;
}

const minIntervalMs = 100;

/** `epp top`: endpoints and decisions of a running picker, live. */
export function registerTop(program: Command): void {
  program
    .command("top")
    .description("Show a running picker's endpoints and last decisions, live; once when standard output is no terminal")
    .option("--addr <host:port>", "metrics port of the picker", addressValue, addressValue("127.0.0.1:9090"))
    .option("--interval <duration>", "time between two looks, such as 1s", durationValue, 1000)
    .action(async (options: TopOptions) => {
      if (options.interval < minIntervalMs)
        throw new UsageError(`--interval is too short, expected ${minIntervalMs}ms or more`);
      const state: ScreenState = {
        address: formatPicker(options.addr),
        answered: undefined,
        problem: undefined,
        view: "endpoints",
        sortedBy: "",
        chosen: undefined,
        scroll: 0,
        typed: undefined,
        story: "",
      };
      if (process.stdout.isTTY && process.stdin.isTTY) return watch(state, options);
      const answered = await askBoth(options.addr);
      const rows = answered.endpoints.endpoints.length + 6;
      console.log(renderScreen({ ...state, answered }, { columns: process.stdout.columns || 160, rows }).join("\n"));
    });
}

/** Shows the screen until the user quits; the terminal is afterwards as it was. */
async function watch(first: ScreenState, { addr, interval }: TopOptions): Promise<void> {
  const end = new AbortController();
  let state = first;
  const output = createLogUpdate(process.stdout, { showCursor: false });
  const size = (): ScreenSize => ({ columns: process.stdout.columns, rows: process.stdout.rows - 1 });
  const draw = (): void => output(renderScreen(state, size()).join("\n"));
  const tell = async (requestId: string): Promise<void> => {
    const found = await findDecisions(addr, requestId);
    const story = found.decisions.length === 0 ? tellMissing(found) : tellDecisions(found);
    state = { ...state, story, view: "story", scroll: 0 };
  };
  const onKey = (_text: string | undefined, key: PressedKey): void => {
    const { state: next, effect } = pressKey(state, key, size());
    state = next;
    if (effect.kind === "quit") end.abort();
    else if (effect.kind === "tell")
      void tell(effect.requestId)
        .catch((error: unknown) => fail(error))
        .finally(draw);
    draw();
  };
  const fail = (error: unknown): void => {
    state = { ...state, problem: error instanceof Error ? error.message : String(error) };
  };
  const stop = (): void => end.abort();
  emitKeypressEvents(process.stdin);
  process.stdin.setRawMode(true).on("keypress", onKey).resume();
  process.stdout.on("resize", draw);
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, stop);
  try {
    while (!end.signal.aborted) {
      try {
        state = { ...state, answered: await askBoth(addr), problem: undefined };
      } catch (error) {
        fail(error);
      }
      if (!end.signal.aborted) draw();
      await sleep(systemClock, interval, end.signal);
    }
  } finally {
    output.done();
    process.stdout.off("resize", draw);
    process.stdin.off("keypress", onKey).setRawMode(false).pause();
  }
}
