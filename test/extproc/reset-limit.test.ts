import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:http2";
import { type TestContext, test } from "node:test";
import { startTestPicker, type TestPicker } from "../support/a-picker.ts";
import { connectAsEnvoy, setHeaders } from "../support/ext-proc-client.ts";
import { startFakeModelServer } from "../support/fake-model-server.ts";
import { ResetAllowance } from "../../src/extproc/reset-limit.ts";
import { until } from "../support/until.ts";

test("ResetAllowance asks for another connection once, well before 1,000 resets", () => {
  const allowance = new ResetAllowance();
  const asked = Array.from({ length: 2000 }, () => allowance.isSpentBy(0));
  assert.equal(asked.filter(Boolean).length, 1);
  assert.ok(asked.indexOf(true) < 900, `after ${asked.indexOf(true)}`);
});

test("ResetAllowance never asks at 33 resets a second and below", () => {
  const allowance = new ResetAllowance();
  for (let reset = 0; reset < 100_000; reset++) assert.equal(allowance.isSpentBy((reset * 1000) / 33), false);
});

/** One request on one stream that the host resets after its answer, as Envoy does by default. */
async function requestAndReset(picker: TestPicker): Promise<void> {
  const stream = picker.open();
  stream.requestHeaders(
    [
      [":method", "GET"],
      [":path", "/v1/models"],
    ],
    true,
  );
  assert.ok(setHeaders(await stream.next())["x-gateway-destination-endpoint"]);
  stream.call.cancel();
  await stream.over;
}

async function aPicker(t: TestContext): Promise<TestPicker> {
  return startTestPicker(t, [await startFakeModelServer(t)]);
}

test("a host that ends 4,000 streams by resetting them loses no request", async (t) => {
  const picker = await aPicker(t);
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      for (let request = 0; request < 500; request++) await requestAndReset(picker);
    }),
  );
  await until("the end of all requests", () => picker.picker.store.ledger.total === 0);
});

test("a long stream outlives the replacement of its connection", async (t) => {
  const picker = await aPicker(t);
  const client = connectAsEnvoy(t, picker.picker.grpcPort);
  const long = client.open().requestHeaders(
    [
      [":method", "GET"],
      [":path", "/v1/models"],
    ],
    true,
  );
  await long.next();
  for (let request = 0; request < 1500; request++) {
    const stream = client.open().requestHeaders(
      [
        [":method", "GET"],
        [":path", "/v1/models"],
      ],
      true,
    );
    await stream.next();
    stream.call.cancel();
    await stream.over;
  }
  long.responseHeaders([[":status", "200"]]);
  assert.equal(setHeaders(await long.next())["x-went-into-resp-headers"], "true");
  assert.equal(await long.close(), undefined);
});

test("a connection that is replaced ends in order: its host is told first", async (t) => {
  const picker = await aPicker(t);
  const session = connect(`http://127.0.0.1:${picker.picker.grpcPort}`);
  t.after(() => session.destroy());
  const goaways: number[][] = [];
  session.on("goaway", (code: number, last: number) => goaways.push([code, last]));
  session.on("error", () => {});
  await once(session, "connect");
  for (let reset = 0; reset < 1200 && goaways.length === 0; reset++) {
    const stream = session.request({ ":method": "POST", ":path": "/none", "content-type": "application/grpc" });
    stream.on("error", () => {});
    stream.close(8);
    await new Promise((resolve) => session.ping(resolve));
  }
  // Node 22 and newer lifts the limit; Node 20 is told to move on without an error and before anything is refused.
  const isLifted = Number(process.versions.node.split(".")[0]) >= 22;
  assert.deepEqual(goaways[0], isLifted ? undefined : [0, 2 ** 31 - 1]);
});
