import assert from "node:assert/strict";
import { test } from "node:test";
import type { ApiReply, ApiServer, ApiWatch } from "../../../src/discovery/kubernetes/api-server.ts";
import { ConnectionFailure } from "../../../src/discovery/kubernetes/connection-failure.ts";
import { defaultReflectorTimes } from "../../../src/discovery/kubernetes/reflector.ts";
import { createRandom } from "../../../src/lib/random.ts";
import { VirtualClock } from "../../../src/lib/virtual-clock.ts";
import { aPod } from "../../support/kube/a-pod.ts";
import { reflectPods } from "../../support/kube/reflector-rig.ts";

/** How an API server is away. */
type Absence = "refuses" | "hangs";

/** An API server in virtual time. It forgets old versions while it is away, so that watches have to begin anew. */
class VirtualApiServer implements ApiServer {
  readonly url = "https://virtual";
  readonly attemptsMs: number[] = [];
  readonly names = new Set<string>();
  away: Absence | undefined;
  #version = 1;
  #compacted = 0;
  readonly #clock: VirtualClock;
  /** Ends every open watch. */
  readonly #breaks = new Set<(error?: Error) => void>();

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  leave(how: Absence): void {
    this.away = how;
    // A server that hangs breaks no connection.
    if (how === "refuses") for (const end of this.#breaks) end(new ConnectionFailure("connection", "broken"));
  }

  return(): void {
    this.away = undefined;
    this.#compacted = ++this.#version;
  }

  async ask({ timeoutMs }: { timeoutMs: number }): Promise<ApiReply> {
    await this.#answer(timeoutMs);
    const items = [...this.names].map((name, index) => {
      const pod = aPod(name);
      return { ...pod, metadata: { ...pod.metadata, uid: name, resourceVersion: `${index}` } };
    });
    return { status: 200, body: { metadata: { resourceVersion: `${this.#version}` }, items }, bytes: 100 };
  }

  async watch({ query, signal }: Parameters<ApiServer["watch"]>[0]): Promise<ApiWatch> {
    await this.#answer(10_000);
    if (Number(query["resourceVersion"]) < this.#compacted) return { status: 410, lines: lines(Promise.resolve()) };
    const ended = new Promise<void>((resolve, reject) => {
      const end = (error?: Error): void => {
        cancel();
        this.#breaks.delete(end);
        if (error === undefined) resolve();
        else reject(error);
      };
      this.#breaks.add(end);
      const cancel = this.#clock.after(Number(query["timeoutSeconds"]) * 1000, () => {
        if (this.away === undefined) end();
      });
      signal.addEventListener("abort", () => end(new ConnectionFailure("aborted", "ended")));
    });
    ended.catch(() => {});
    return { status: 200, lines: lines(ended) };
  }

  close(): void {}

  async #answer(timeoutMs: number): Promise<void> {
    this.attemptsMs.push(this.#clock.nowMs());
    if (this.away === "refuses") throw new ConnectionFailure("connection", "refused");
    if (this.away === "hangs") await new Promise<void>((resolve) => void this.#clock.after(timeoutMs, resolve));
    if (this.away === "hangs") throw new ConnectionFailure("timeout", "no answer");
  }
}

/** No lines, until it is over. */
function lines(ended: Promise<void>): AsyncIterable<string> {
  const next = async (): Promise<IteratorReturnResult<undefined>> => {
    await ended;
    return { done: true, value: undefined };
  };
  return { [Symbol.asyncIterator]: () => ({ next }) };
}

/** Moves on in small steps and lets everything that is due happen in each. */
async function pass(clock: VirtualClock, ms: number, isOver: () => boolean = () => false): Promise<void> {
  for (let passed = 0; passed < ms && !isOver(); passed += 100) {
    clock.advance(100);
    for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
  }
}

const awayMs = 30 * 60_000;

for (const how of ["refuses", "hangs"] as const) {
  for (const seed of [1, 2, 3]) {
    test(`F24 an API server that ${how} for 30 min leaves the state; resynced 35 s after its return (seed ${seed})`, async (t) => {
      const clock = new VirtualClock();
      const api = new VirtualApiServer(clock);
      api.names.add("a");
      const { sink, observer } = reflectPods(t, api, {
        clock,
        random: createRandom(seed),
        times: defaultReflectorTimes,
      });
      await pass(clock, 45_000);
      assert.deepEqual(sink.names, ["a"]);
      api.leave(how);
      api.names.add("b").delete("a");
      const leftMs = clock.nowMs();
      await pass(clock, awayMs - 300 * seed);
      assert.deepEqual(sink.names, ["a"], "the last state");
      const attempts = api.attemptsMs.filter((atMs) => atMs > leftMs + 120_000);
      const gapsMs = attempts.slice(1).map((atMs, i) => atMs - (attempts[i] ?? 0));
      assert.ok(
        Math.max(...gapsMs) <= (how === "hangs" ? 20_200 : 10_200),
        `${Math.max(...gapsMs)} ms between attempts`,
      );
      assert.ok(Math.min(...gapsMs) >= 5_000, `${Math.min(...gapsMs)} ms between attempts`);
      api.return();
      const backMs = clock.nowMs();
      await pass(clock, 60_000, () => sink.names.join() === "b");
      const tookMs = clock.nowMs() - backMs;
      assert.deepEqual(sink.names, ["b"]);
      assert.ok(tookMs <= 35_000, `resynced after ${tookMs} ms`);
      assert.equal(observer.lists, 2);
      t.diagnostic(`resynced ${tookMs / 1000} s after the return`);
    });
  }
}
