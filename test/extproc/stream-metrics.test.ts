import assert from "node:assert/strict";
import { connect } from "node:http2";
import { test } from "node:test";
import { startTestPicker } from "../support/a-picker.ts";
import { completion, completionHeaders, isLastOfRequest } from "../support/exchanges.ts";
import { startFakeModelServer } from "../support/fake-model-server.ts";

test("--enable-grpc-stream-metrics counts streams by the status that they end with, and those that are open", async (t) => {
  const server = await startFakeModelServer(t);
  const picker = await startTestPicker(t, [server], { streamMetrics: true });
  const rig = { sample: picker.sample.bind(picker) };
  const sample = (name: string): Promise<number | undefined> => picker.sample(`llm_d_epp_extproc_${name}`);
  const good = picker.open().requestHeaders(completionHeaders).requestBody(completion("base"));
  await good.until(isLastOfRequest);
  assert.equal(await sample("streams_inflight"), 1);
  await good.close();
  await untilSample(rig, 'llm_d_epp_extproc_streams_total{code="OK"}', 1);
  const host = connect(`http://127.0.0.1:${picker.picker.grpcPort}`);
  const path = "/envoy.service.ext_proc.v3.ExternalProcessor/Process";
  host.request({ ":method": "POST", ":path": path, "content-type": "application/grpc", te: "trailers" });
  await untilSample(rig, "llm_d_epp_extproc_streams_inflight", 1);
  host.destroy();
  await untilSample(rig, 'llm_d_epp_extproc_streams_total{code="Canceled"}', 1);
  const illegal = picker.open().requestBody(completion("base"));
  await illegal.over;
  await untilSample(rig, 'llm_d_epp_extproc_streams_total{code="InvalidArgument"}', 1);
  assert.equal(await sample("streams_inflight"), 0);
  assert.equal(await sample("stream_duration_seconds_count"), 3);
  assert.equal(await picker.sample('llm_d_epp_extproc_streams_total{code="OK"}'), 1, "no stream counts twice");
});

async function untilSample(
  { sample }: { readonly sample: (series: string) => Promise<number | undefined> },
  series: string,
  want: number,
): Promise<void> {
  let value: number | undefined;
  for (let attempt = 0; attempt < 200 && value !== want; attempt++) value = await sample(series);
  assert.equal(value, want, series);
}

test("without the flag there are no such families", async (t) => {
  const picker = await startTestPicker(t, [await startFakeModelServer(t)]);
  assert.equal(await picker.sample("llm_d_epp_extproc_streams_inflight"), undefined);
});
