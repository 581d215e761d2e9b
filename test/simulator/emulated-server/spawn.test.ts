import assert from "node:assert/strict";
import { test } from "node:test";
import { spawnEmulatedPool } from "../../../simulator/emulated-server/spawn.ts";
import { fastConfig, post } from "./support.ts";

const models = { base: "base", adapters: [] };

test("servers in a process of their own serve, report their totals and end", async (t) => {
  const pool = await spawnEmulatedPool({ count: 2, replica: fastConfig(), models });
  t.after(() => pool.close());
  const [, second] = pool.endpoints;
  assert.equal(second?.name, "server-1");
  const url = `http://${second.host}:${second.port}/v1/completions`;
  assert.equal((await post(url, { model: "base", prompt: "x", max_tokens: 3 })).status, 200);
  const reports = await pool.stats();
  assert.deepEqual(
    reports.map(({ name, stats }) => [name, stats.requests, stats.outputTokens]),
    [
      ["server-0", 0, 0],
      ["server-1", 1, 3],
    ],
  );
  await pool.close();
  await assert.rejects(pool.stats(), /their process has ended/);
  await assert.rejects(fetch(url, { method: "POST" }));
});

test("a pool that cannot start says why", async () => {
  await assert.rejects(
    spawnEmulatedPool({ count: 1, replica: "no-such-preset", models }),
    /Cannot use preset "no-such-preset": unknown/,
  );
});
