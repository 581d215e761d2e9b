import assert from "node:assert/strict";
import { createServer } from "node:http";
import { once } from "node:events";
import { networkInterfaces } from "node:os";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { startTestPicker } from "../support/a-picker.ts";
import { completion, destinationOf } from "../support/exchanges.ts";
import { type FakeModelServer, renderPage, sendPage } from "../support/fake-model-server.ts";

const hasIpv6 = Object.values(networkInterfaces()).some((addresses) =>
  addresses?.some(({ address }) => address === "::1"),
);
const skip = hasIpv6 ? false : "this machine has no IPv6 loopback";

test("F79 an IPv6 server is scraped and named in brackets", { skip }, async (t) => {
  const server = createServer((_request, response) =>
    sendPage(response, renderPage({ waiting: 0, running: 0, kvCacheRatio: 0 })),
  );
  server.listen(0, "::1");
  await once(server, "listening");
  t.after(() => server.close());
  t.after(() => server.closeAllConnections());
  const { port } = server.address() as AddressInfo;
  const picker = await startTestPicker(t, [{ host: "::1", port } as FakeModelServer]);
  assert.equal(await destinationOf(picker, completion("base")), `[::1]:${port}`);
});

test("F79 a picker that listens on both families serves both", { skip }, async (t) => {
  const picker = await startTestPicker(t, [], { host: "::" });
  for (const host of ["127.0.0.1", "[::1]"]) {
    const health = await fetch(`http://${host}:${picker.picker.metricsPort}/healthz`);
    assert.equal(await health.text(), "ok\n");
  }
  assert.equal(await destinationOf(picker, completion("base")), 503);
});
