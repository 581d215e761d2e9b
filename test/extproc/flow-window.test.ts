import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Settings } from "node:http2";
import { test } from "node:test";
import { connectionWindowBytes, streamWindowBytes } from "../../src/extproc/flow-window.ts";
import { maxStreamsPerConnection } from "../../src/extproc/server.ts";
import { startTestPicker } from "../support/a-picker.ts";

test("T13 T40 the server bounds streams a connection, and its windows are wider than HTTP/2's default", async (t) => {
  const { picker } = await startTestPicker(t, []);
  const session = connect(`http://127.0.0.1:${picker.grpcPort}`);
  t.after(() => session.destroy());
  const [settings] = (await once(session, "remoteSettings")) as [Settings];
  assert.equal(settings.initialWindowSize, streamWindowBytes);
  assert.equal(settings.maxConcurrentStreams, maxStreamsPerConnection);
  while (session.state.remoteWindowSize !== connectionWindowBytes)
    await new Promise((resolve) => setTimeout(resolve, 5));
});
