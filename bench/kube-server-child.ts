import { FakeApiServer } from "../test/support/fake-api-server.ts";
import { aPod } from "../test/support/kube/a-pod.ts";

/** A fake API server in a process of its own: `PODS BYTES KUBECONFIG`. Says "ready"; every message makes all pods change. */
const [pods = "5000", bytes = "10000", kubeconfig = ""] = process.argv.slice(2);
const server = new FakeApiServer();
await server.start();
server.writeKubeconfig(kubeconfig);
const podNumber = (i: number): ReturnType<typeof aPod> =>
  aPod(`vllm-${i}`, { ip: `10.0.${i >> 8}.${i & 255}`, bytes: Number(bytes) });
for (let i = 0; i < Number(pods); i++) server.upsert(podNumber(i));
process.send?.("ready");
process.on("message", () => {
  for (let i = 0; i < Number(pods); i++) server.upsert(podNumber(i));
});
