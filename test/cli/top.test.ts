import assert from "node:assert/strict";
import { test } from "node:test";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { startTestPicker } from "../support/a-picker.ts";
import { completion, destinationOf } from "../support/exchanges.ts";
import { startFakeModelServer } from "../support/fake-model-server.ts";
import { runEpp } from "../support/run-epp.ts";

test("top prints a running picker's endpoints once when its output is no terminal", async (t) => {
  const servers = [await startFakeModelServer(t, { waiting: 3 }), await startFakeModelServer(t)];
  const picker = await startTestPicker(t, servers);
  await destinationOf(picker, completion("base"));
  const { code, stdout } = await runEpp(t, ["top", "--addr", `127.0.0.1:${picker.picker.metricsPort}`]);
  assert.equal(code, 0);
  assert.match(stdout, /2 endpoints/);
  for (const [i, { address }] of servers.entries()) assert.match(stdout, new RegExp(`server-${i} .* ${address}`));
});

test("top says in one line that no picker answers and ends with 1", async (t) => {
  const port = await closedPort();
  const { code, stderr } = await runEpp(t, ["top", "--addr", `127.0.0.1:${port}`]);
  assert.equal(code, 1);
  assert.match(
    stderr,
    new RegExp(`^epp: Cannot reach a picker at http://127\\.0\\.0\\.1:${port}: .*ECONNREFUSED.*\n$`),
  );
});

test("top refuses an interval that is too short with 2", async (t) => {
  const { code, stderr } = await runEpp(t, ["top", "--interval", "5ms"]);
  assert.equal(code, 2);
  assert.match(stderr, /--interval is too short, expected 100ms or more/);
});

/** A port of loopback that was free just now and that nobody listens on. */
async function closedPort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
