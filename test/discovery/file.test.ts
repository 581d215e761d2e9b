import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { EndpointStore } from "../../src/datastore/store.ts";
import { type ReloadOutcome, startFileDiscovery } from "../../src/discovery/file.ts";
import type { Resolve } from "../../src/discovery/host-resolver.ts";
import { UnusableFileError } from "../../src/lib/polled-file.ts";
import { VirtualClock } from "../../src/lib/virtual-clock.ts";

const file = (...endpoints: readonly (readonly [name: string, address: string])[]): string =>
  JSON.stringify({ endpoints: endpoints.map(([name, address]) => ({ name, address, port: 80 })) });

/** Lets I/O under way finish until `isDone`; the test's time limit ends a wait that is in vain. */
async function until(isDone: () => boolean): Promise<void> {
  while (!isDone()) await new Promise((resolve) => setImmediate(resolve));
}

/** Discovery from a file in a folder of its own, on a clock that the test moves. */
class Rig {
  readonly folder = mkdtempSync(join(tmpdir(), "endpoints-"));
  readonly path = join(this.folder, "endpoints.yaml");
  readonly clock = new VirtualClock();
  readonly store = new EndpointStore();
  readonly outcomes: ReloadOutcome[] = [];
  readonly unresolved: string[] = [];
  hosts: Record<string, readonly string[]> = {};

  constructor(t: TestContext) {
    t.after(() => rmSync(this.folder, { recursive: true }));
  }

  async start(t: TestContext, resolve: Resolve = async (host) => this.hosts[host] ?? []): Promise<void> {
    const discovery = await startFileDiscovery({
      path: this.path,
      store: this.store,
      clock: this.clock,
      resolve,
      onReload: (outcome) => this.outcomes.push(outcome),
      onUnresolved: (_host, message) => this.unresolved.push(message),
    });
    t.after(discovery.close);
  }

  /** Moves on by `ms`, waiting after each timer until its successor is set. */
  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 1000) {
      const { pending } = this.clock;
      this.clock.advance(1000);
      await until(() => this.clock.pending === pending);
    }
  }

  pool(): readonly string[] {
    return this.store.snapshot().map(({ name, address }) => `${name}=${address}`);
  }
}

test("fills the store in the file's order", async (t) => {
  const rig = new Rig(t);
  writeFileSync(rig.path, file(["b", "10.0.0.2"], ["a", "::1"]));
  await rig.start(t);
  assert.deepEqual(rig.pool(), ["b=10.0.0.2:80", "a=[::1]:80"]);
  assert.deepEqual(rig.outcomes, []);
});

test("rejects at the start with every problem of the file", async (t) => {
  const rig = new Rig(t);
  writeFileSync(rig.path, "endpoints:\n- name: a\n  port: 0\n");
  await assert.rejects(rig.start(t), (error: unknown) => {
    assert.ok(error instanceof UnusableFileError);
    assert.equal(error.problems.length, 2);
    assert.match(error.message, /^Cannot use endpoints file ".*endpoints.yaml": 2 problems\n.*:2:3 .*\n.*:3:9 /);
    return true;
  });
  assert.equal(rig.clock.pending, 0);
});

const unreadable: readonly { name: string; write: (path: string) => void; want: RegExp }[] = [
  {
    name: "is missing",
    write: () => {},
    want: /^Cannot read endpoints file ".*": ENOENT.*, expected a readable file$/,
  },
  { name: "is a folder", write: (path) => mkdirSync(path), want: /EISDIR.*, expected a readable file$/ },
  {
    name: "is no UTF-8",
    write: (path) => writeFileSync(path, Buffer.from([0xff])),
    want: /bytes that are not UTF-8, expected/,
  },
  {
    name: "is longer than 1 MiB",
    write: (path) => writeFileSync(path, " ".repeat(1024 * 1024 + 1)),
    want: /1048577 bytes, expected at most 1048576$/,
  },
];
for (const { name, write, want } of unreadable) {
  test(`rejects at the start when the file ${name}`, async (t) => {
    const rig = new Rig(t);
    write(rig.path);
    await assert.rejects(rig.start(t), { message: want });
  });
}

test("takes over a changed file within a second and keeps what is known", async (t) => {
  const rig = new Rig(t);
  writeFileSync(rig.path, file(["a", "10.0.0.1"], ["b", "10.0.0.2"]));
  await rig.start(t);
  const [known] = rig.store.snapshot();
  await rig.pass(2000);
  assert.deepEqual(rig.outcomes, []);
  writeFileSync(rig.path, file(["a", "10.0.0.1"], ["b", "10.0.0.3"], ["c", "10.0.0.4"]));
  await rig.pass(1000);
  assert.deepEqual(rig.outcomes, [{ kind: "ok", endpoints: 3 }]);
  assert.deepEqual(rig.pool(), ["a=10.0.0.1:80", "b=10.0.0.3:80", "c=10.0.0.4:80"]);
  assert.equal(rig.store.snapshot()[0], known);
});

test("keeps the last good content while the file is bad, and says so once for each content", async (t) => {
  const rig = new Rig(t);
  writeFileSync(rig.path, file(["a", "10.0.0.1"]));
  await rig.start(t);
  const before = rig.store.snapshot();
  writeFileSync(rig.path, "endpoints: nothing\n");
  await rig.pass(3000);
  assert.equal(rig.outcomes.length, 1);
  assert.equal(rig.outcomes[0]?.kind, "rejected");
  assert.match(JSON.stringify(rig.outcomes[0]), /1:12 endpoints: expected a list/);
  unlinkSync(rig.path);
  await rig.pass(3000);
  assert.match(JSON.stringify(rig.outcomes[1]), /ENOENT/);
  assert.equal(rig.outcomes.length, 2);
  assert.equal(rig.store.snapshot(), before);
  writeFileSync(rig.path, file());
  await rig.pass(1000);
  assert.deepEqual(rig.outcomes[2], { kind: "ok", endpoints: 0 });
  assert.deepEqual(rig.pool(), []);
});

test("follows an atomic rename and the swapped links of a ConfigMap", async (t) => {
  const rig = new Rig(t);
  const version = (name: string, text: string): void => {
    mkdirSync(join(rig.folder, name));
    writeFileSync(join(rig.folder, name, "endpoints.yaml"), text);
    symlinkSync(name, join(rig.folder, "..data_tmp"));
    renameSync(join(rig.folder, "..data_tmp"), join(rig.folder, "..data"));
  };
  version("..1", file(["a", "10.0.0.1"]));
  symlinkSync(join("..data", "endpoints.yaml"), rig.path);
  await rig.start(t);
  version("..2", file(["a", "10.0.0.2"]));
  await rig.pass(1000);
  assert.deepEqual(rig.pool(), ["a=10.0.0.2:80"]);
  writeFileSync(join(rig.folder, "new"), file(["a", "10.0.0.3"]));
  renameSync(join(rig.folder, "new"), rig.path);
  await rig.pass(1000);
  assert.deepEqual(rig.pool(), ["a=10.0.0.3:80"]);
});

test("resolves host names at the start and every 30 s, keeping an address that is still listed", async (t) => {
  const rig = new Rig(t);
  rig.hosts = { "a.local": ["10.0.0.1", "10.0.0.2"] };
  writeFileSync(rig.path, file(["a", "a.local"], ["b", "10.0.0.9"]));
  await rig.start(t);
  assert.deepEqual(rig.pool(), ["a=10.0.0.1:80", "b=10.0.0.9:80"]);
  const first = rig.store.snapshot()[0]?.incarnation;
  rig.hosts = { "a.local": ["10.0.0.2", "10.0.0.1"] };
  await rig.pass(30_000);
  assert.equal(rig.store.snapshot()[0]?.incarnation, first);
  rig.hosts = { "a.local": ["10.0.0.3"] };
  await rig.pass(29_000);
  assert.equal(rig.store.snapshot()[0]?.incarnation, first);
  await rig.pass(1000);
  await until(() => rig.store.snapshot()[0]?.incarnation !== first);
  assert.deepEqual(rig.pool(), ["a=10.0.0.3:80", "b=10.0.0.9:80"]);
});

test("leaves out a name that does not resolve, tries it every 5 s and keeps an address once found", async (t) => {
  const rig = new Rig(t);
  writeFileSync(rig.path, file(["a", "a.local"], ["b", "10.0.0.9"]));
  await rig.start(t);
  assert.deepEqual(rig.pool(), ["b=10.0.0.9:80"]);
  assert.deepEqual(rig.unresolved, ['Cannot resolve "a.local": no address']);
  rig.hosts = { "a.local": ["10.0.0.1"] };
  await rig.pass(5000);
  await until(() => rig.pool().length === 2);
  assert.deepEqual(rig.pool(), ["a=10.0.0.1:80", "b=10.0.0.9:80"]);
  rig.hosts = {};
  await rig.pass(30_000);
  await until(() => rig.unresolved.length === 2);
  assert.deepEqual(rig.pool(), ["a=10.0.0.1:80", "b=10.0.0.9:80"]);
});

test("resolves names that a reload brings without waiting for the next round", async (t) => {
  const rig = new Rig(t);
  writeFileSync(rig.path, file());
  await rig.start(t);
  rig.hosts = { "a.local": ["10.0.0.1"] };
  writeFileSync(rig.path, file(["a", "a.local"]));
  await rig.pass(1000);
  await until(() => rig.pool().length === 1);
  assert.deepEqual(rig.pool(), ["a=10.0.0.1:80"]);
});

test("starts without a name whose resolver hangs after 5 s", async (t) => {
  const rig = new Rig(t);
  writeFileSync(rig.path, file(["a", "a.local"], ["b", "10.0.0.9"]));
  const started = rig.start(t, () => new Promise(() => {}));
  await until(() => rig.clock.pending > 0);
  rig.clock.advance(5000);
  await started;
  assert.deepEqual(rig.pool(), ["b=10.0.0.9:80"]);
});

test("close stops watching", async (t) => {
  const rig = new Rig(t);
  writeFileSync(rig.path, file(["a", "10.0.0.1"]));
  const { path, store, clock } = rig;
  const discovery = await startFileDiscovery({ path, store, clock, onReload: () => assert.fail("closed") });
  discovery.close();
  writeFileSync(rig.path, file());
  clock.advance(60_000);
  assert.equal(clock.pending, 0);
  assert.deepEqual(rig.pool(), ["a=10.0.0.1:80"]);
});
