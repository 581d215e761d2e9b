import assert from "node:assert/strict";
import { mkdtempSync, renameSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { ModelRewriteStore } from "../../src/datastore/model-rewrites.ts";
import { ObjectiveStore } from "../../src/datastore/objectives.ts";
import { startObjectsDiscovery } from "../../src/discovery/objects.ts";
import { UnusableFileError } from "../../src/lib/polled-file.ts";
import { VirtualClock } from "../../src/lib/virtual-clock.ts";

const objective = (name: string, priority: number, pool = "pool"): string =>
  JSON.stringify({
    apiVersion: "llm-d.ai/v1alpha2",
    kind: "InferenceObjective",
    metadata: { name },
    spec: { priority, poolRef: { name: pool } },
  });
const rewrite = (name: string, target: string): string =>
  JSON.stringify({
    apiVersion: "llm-d.ai/v1alpha2",
    kind: "InferenceModelRewrite",
    metadata: { name },
    spec: { poolRef: { name: "pool" }, rules: [{ targets: [{ modelRewrite: target }] }] },
  });
const file = (...objects: string[]): string => objects.join("\n---\n");

/** Discovery from a file in a folder of its own, on a clock that the test moves. */
class Rig {
  readonly path: string;
  readonly clock = new VirtualClock();
  readonly objectives = new ObjectiveStore();
  readonly rewrites = new ModelRewriteStore();
  /** What discovery told, in words. */
  readonly told: string[] = [];

  constructor(t: TestContext) {
    const folder = mkdtempSync(join(tmpdir(), "objects-"));
    t.after(() => rmSync(folder, { recursive: true }));
    this.path = join(folder, "objects.yaml");
  }

  async start(t: TestContext): Promise<{ readonly close: () => void }> {
    const { path, clock, objectives, rewrites, told } = this;
    const pool = { group: "inference.networking.k8s.io", name: "pool" };
    const discovery = await startObjectsDiscovery({
      path,
      pool,
      objectives,
      rewrites,
      clock,
      onLoaded: (loaded, isReload) =>
        told.push(`${isReload ? "reload" : "load"} ${loaded.objectives}+${loaded.rewrites}-${loaded.ofOtherPools}`),
      onRejected: (message) => told.push(message),
    });
    t.after(discovery.close);
    return discovery;
  }

  /** Moves on by a second and waits until the file was looked at. */
  async second(): Promise<void> {
    const { pending } = this.clock;
    this.clock.advance(1000);
    while (this.clock.pending !== pending) await new Promise((resolve) => setImmediate(resolve));
  }

  state(): readonly (number | string | undefined)[] {
    return [this.objectives.priorityOf("gold"), this.rewrites.decide("", () => 0)?.targetModel];
  }
}

test("fills the stores with the objects of the pool and counts the others", async (t) => {
  const rig = new Rig(t);
  writeFileSync(rig.path, file(objective("gold", 2), rewrite("r", "x"), objective("gold", 9, "other")));
  await rig.start(t);
  assert.deepEqual([rig.told, rig.state()], [["load 1+1-1"], [2, "x"]]);
});

test("F17 a changed file gives an objective its new priority, one that is gone gives 0", async (t) => {
  const rig = new Rig(t);
  writeFileSync(rig.path, file(objective("gold", 2), rewrite("r", "x")));
  await rig.start(t);
  await rig.second();
  writeFileSync(rig.path, file(objective("gold", 5), rewrite("r", "y")));
  await rig.second();
  assert.deepEqual(rig.state(), [5, "y"]);
  writeFileSync(`${rig.path}.new`, "# none\n");
  renameSync(`${rig.path}.new`, rig.path);
  await rig.second();
  assert.deepEqual(rig.state(), [0, undefined]);
  assert.deepEqual(rig.told, ["load 1+1-0", "reload 1+1-0", "reload 0+0-0"]);
});

test("a content that cannot be used changes nothing and is told of once", async (t) => {
  const rig = new Rig(t);
  writeFileSync(rig.path, file(objective("gold", 2), rewrite("r", "x")));
  await rig.start(t);
  writeFileSync(rig.path, file(objective("gold", 3), rewrite("r", "")));
  await rig.second();
  await rig.second();
  assert.match(rig.told[1] ?? "", /^Cannot use objects file ".*": 1 problem\n.*:3:\d+ spec\.rules\[0\]\.targets\[0\]/);
  writeFileSync(rig.path, "");
  await rig.second();
  assert.match(rig.told[2] ?? "", /1:1: the file is empty/);
  unlinkSync(rig.path);
  await rig.second();
  await rig.second();
  assert.match(rig.told[3] ?? "", /^Cannot read objects file ".*": ENOENT/);
  assert.deepEqual([rig.told.length, rig.state()], [4, [2, "x"]]);
  writeFileSync(rig.path, file(objective("gold", 4)));
  await rig.second();
  assert.deepEqual([rig.told[4], rig.state()], ["reload 1+0-0", [4, undefined]]);
});

test("rejects at the start with every problem of the file, or when there is none", async (t) => {
  const rig = new Rig(t);
  await assert.rejects(rig.start(t), { message: /^Cannot read objects file ".*": ENOENT/ });
  writeFileSync(rig.path, file("{}", objective("gold", 1.5)));
  await assert.rejects(rig.start(t), (error: unknown) => {
    assert.ok(error instanceof UnusableFileError);
    assert.equal(error.problems.length, 3);
    assert.match(error.message, /^Cannot use objects file ".*": 3 problems\n/);
    return true;
  });
  assert.deepEqual([rig.told, rig.state(), rig.clock.pending], [[], [0, undefined], 0]);
});

test("close stops watching", async (t) => {
  const rig = new Rig(t);
  writeFileSync(rig.path, file(objective("gold", 2)));
  (await rig.start(t)).close();
  writeFileSync(rig.path, "# none\n");
  rig.clock.advance(60_000);
  assert.deepEqual([rig.clock.pending, rig.state()], [0, [2, undefined]]);
});
