import { type LoadTarget, type Outcome, runLoad } from "../../simulator/load/client.ts";
import type { LoadRequest } from "../../simulator/load/load-request.ts";
import { sleep } from "../../src/lib/clock.ts";

/** Output lengths in turn: most answers are short, some stream for a while, one in twenty for seconds. */
const outputTokens = [5, 5, 20, 5, 5, 40, 5, 5, 5, 20, 5, 5, 5, 40, 5, 5, 20, 5, 5, 250];

/** A load of constant rate that runs until it is stopped. */
export interface SteadyLoad {
  /** Requests sent so far. */
  readonly sent: number;
  /** Sends nothing more; resolves with all outcomes, in the order of their requests, when the last has ended. */
  stop(): Promise<readonly Outcome[]>;
}

/** Sends `perSecond` completions a second to `target`, open loop: each at its time, whatever became of those before. */
export function startSteadyLoad(target: Omit<LoadTarget, "signal">, perSecond: number): SteadyLoad {
  const { clock } = target;
  const stopping = new AbortController();
  const seconds: Promise<Outcome[]>[] = [];
  const startedAtMs = clock.nowMs();
  const running = (async () => {
    while (!stopping.signal.aborted) {
      const load = requestsOfSecond(seconds.length, perSecond);
      seconds.push(runLoad(load, { ...target, signal: new AbortController().signal }));
      await sleep(clock, startedAtMs + seconds.length * 1000 - clock.nowMs(), stopping.signal);
    }
  })();
  return {
    get sent() {
      return seconds.length * perSecond;
    },
    stop: async () => {
      stopping.abort();
      await running;
      return (await Promise.all(seconds)).flat();
    },
  };
}

function requestsOfSecond(second: number, perSecond: number): LoadRequest[] {
  return Array.from({ length: perSecond }, (_, index) => {
    const id = second * perSecond + index;
    return {
      id,
      arrivalMs: (index * 1000) / perSecond,
      model: "base",
      adapter: undefined,
      prompt: { api: "completions", text: `Question ${id}: what does an endpoint picker do?` },
      outputTokens: outputTokens[id % outputTokens.length] ?? 5,
    };
  });
}
