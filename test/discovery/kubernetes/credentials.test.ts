import assert from "node:assert/strict";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { connectApiServer } from "../../../src/discovery/kubernetes/api-client.ts";
import type { ApiServer } from "../../../src/discovery/kubernetes/api-server.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import { VirtualClock } from "../../../src/lib/virtual-clock.ts";
import { createAuthority } from "../../support/certificates.ts";
import { startFakeApiServer } from "../../support/fake-api-server.ts";
import { aPod } from "../../support/kube/a-pod.ts";
import { aFolder, connect, connectTo, reflectPods } from "../../support/kube/reflector-rig.ts";
import { until } from "../../support/until.ts";

const podsPath = "/api/v1/namespaces/default/pods";

async function statusOf(api: ApiServer): Promise<number> {
  return (await api.ask({ method: "GET", path: podsPath, timeoutMs: 5_000 })).status;
}

test("F37 a token that ends is read anew, and a 401 drops nothing", async (t) => {
  const server = await startFakeApiServer(t);
  server.authorizations.add("Bearer first");
  server.upsert(aPod("a"));
  const { api, tokenFile } = await connectTo(t, server, { token: "first" });
  const { sink, observer, reflector } = reflectPods(t, api);
  await reflector.synced;
  writeFileSync(tokenFile, "second\n");
  server.authorizations.clear();
  server.authorizations.add("Bearer second");
  server.dropConnections();
  await until("a watch with the new token", () => observer.watches >= 2);
  server.upsert(aPod("b"));
  await until("pod b", () => sink.names.length === 2);
  assert.equal(observer.count("unauthorized"), 0, observer.failures.join());
  assert.equal(observer.lists, 1);
});

test("F37 while the token in the file is refused the state stays; a good one is found without a restart", async (t) => {
  const server = await startFakeApiServer(t);
  server.authorizations.add("Bearer first");
  server.upsert(aPod("a"));
  const { api, tokenFile } = await connectTo(t, server, { token: "first" });
  const { sink, observer, reflector } = reflectPods(t, api);
  await reflector.synced;
  server.authorizations.clear();
  server.authorizations.add("Bearer second");
  server.dropConnections();
  await until("refusals", () => observer.count("unauthorized") >= 2);
  assert.deepEqual(sink.names, ["a"]);
  writeFileSync(tokenFile, "second");
  server.upsert(aPod("b"));
  await until("pod b", () => sink.names.length === 2);
});

test("F37 a token is read anew every half minute, before it ends; one that cannot be read leaves the last", async (t) => {
  const server = await startFakeApiServer(t);
  const [clock, problems, folder] = [new VirtualClock(), [] as string[], aFolder(t)];
  const [path, tokenFile] = [join(folder, "config"), join(folder, "token")];
  server.writeKubeconfig(path, { user: { tokenFile: "token" } });
  writeFileSync(tokenFile, "first");
  const api = await connect(t, path, { clock, problems });
  const used = async (): Promise<string | undefined> => {
    await statusOf(api);
    return server.seen.at(-1)?.authorization;
  };
  assert.equal(await used(), "Bearer first");
  writeFileSync(tokenFile, "second");
  clock.advance(29_000);
  assert.equal(await used(), "Bearer first");
  clock.advance(1_000);
  assert.equal(await used(), "Bearer second");
  writeFileSync(tokenFile, "");
  clock.advance(30_000);
  assert.equal(await used(), "Bearer second");
  assert.deepEqual(problems, [
    `Cannot use kubeconfig "${path}": the token in "${tokenFile}" is empty, expected a token`,
  ]);
});

test("F27 an ERROR event with 401 has the token read anew", async (t) => {
  const server = await startFakeApiServer(t);
  server.authorizations.add("Bearer first").add("Bearer second");
  const { api, tokenFile } = await connectTo(t, server, { token: "first" });
  const { observer } = reflectPods(t, api);
  await until("a watch", () => server.watches("pods") === 1);
  writeFileSync(tokenFile, "second");
  server.injectError("pods", 401, "Unauthorized");
  await until("a list with the new token", () => server.seen.at(-1)?.authorization === "Bearer second");
  await until("another watch", () => observer.watches === 2);
  assert.equal(observer.count("unauthorized"), 1);
});

test("F68 while a CA is replaced both are accepted, and the new one alone after it", async (t) => {
  const [before, after] = [await createAuthority("before"), await createAuthority("after")];
  const server = await startFakeApiServer(t, { tls: await before.issue() });
  const [folder, clock] = [aFolder(t), new VirtualClock()];
  const [path, ca] = [join(folder, "config"), join(folder, "ca.crt")];
  server.writeKubeconfig(path, { ca: "ca.crt" });
  writeFileSync(ca, before.cert);
  const api = await connect(t, path, { clock });
  assert.equal(await statusOf(api), 200);

  writeFileSync(ca, `${before.cert}\n${after.cert}`);
  clock.advance(30_000);
  assert.equal(await statusOf(api), 200, "the old certificate with both CAs");
  server.replaceCertificate(await after.issue());
  server.dropConnections();
  assert.equal(await statusOf(api).catch(() => statusOf(api)), 200, "the new certificate with both CAs");

  writeFileSync(ca, after.cert);
  clock.advance(30_000);
  assert.equal(await statusOf(api), 200, "the new certificate with the new CA");
  server.replaceCertificate(await before.issue());
  server.dropConnections();
  clock.advance(30_000);
  await assert.rejects(statusOf(api), { name: "ConnectionFailure", reason: "tls" }, "the old one with the new CA");
});

test("F68 a CA that changes together with the certificate is read anew at the first refusal", async (t) => {
  const [before, after] = [await createAuthority("before"), await createAuthority("after")];
  const server = await startFakeApiServer(t, { tls: await before.issue() });
  const folder = aFolder(t);
  const [path, ca] = [join(folder, "config"), join(folder, "ca.crt")];
  server.writeKubeconfig(path, { ca });
  writeFileSync(ca, before.cert);
  const api = await connect(t, path);
  const { sink, observer, reflector } = reflectPods(t, api);
  await reflector.synced;
  server.replaceCertificate(await after.issue());
  server.dropConnections();
  await until("a refusal", () => observer.count("tls") >= 1);
  writeFileSync(ca, after.cert);
  server.upsert(aPod("a"));
  await until("pod a", () => sink.names.length === 1);
});

test("F68 a CA that is half written leaves the last good one", async (t) => {
  const authority = await createAuthority();
  const server = await startFakeApiServer(t, { tls: await authority.issue() });
  const [folder, clock, problems] = [aFolder(t), new VirtualClock(), [] as string[]];
  const [path, ca] = [join(folder, "config"), join(folder, "ca.crt")];
  server.writeKubeconfig(path, { ca });
  writeFileSync(ca, authority.cert);
  const api = await connect(t, path, { clock, problems });
  writeFileSync(ca, authority.cert.slice(0, 200));
  clock.advance(30_000);
  assert.equal(await statusOf(api), 200);
  assert.deepEqual(problems, [`Cannot use kubeconfig "${path}": the CA has no certificate, expected PEM`]);
});

test("client certificates, a password, a token in the text and an exec plugin let in", async (t) => {
  const authority = await createAuthority();
  const tls = await authority.issue();
  const server = await startFakeApiServer(t, { tls, ca: authority.cert, clientCa: authority.cert });
  const folder = aFolder(t);
  const client = await authority.issue({ commonName: "picker" });
  const base64 = (text: string): string => Buffer.from(text).toString("base64");
  const plugin = join(folder, "plugin.sh");
  const credential = { apiVersion: "client.authentication.k8s.io/v1", kind: "ExecCredential" };
  writeFileSync(
    plugin,
    `#!/bin/sh\necho asked >> ${folder}/asked\ntest -n "$KUBERNETES_EXEC_INFO" || exit 1\necho '${JSON.stringify({
      ...credential,
      status: { token: "executed", expirationTimestamp: "2999-01-01T00:00:00Z" },
    })}'\n`,
  );
  chmodSync(plugin, 0o755);
  const secret = base64("me:pass");
  for (const header of ["Bearer inline", "Bearer executed", `Basic ${secret}`]) server.authorizations.add(header);
  const users = {
    certificate: { "client-certificate-data": base64(client.cert), "client-key-data": base64(client.key) },
    password: { username: "me", password: "pass" },
    token: { token: "inline" },
    exec: { exec: { apiVersion: credential.apiVersion, command: "./plugin.sh" } },
  };
  for (const [name, user] of Object.entries(users)) {
    const path = join(folder, name);
    server.writeKubeconfig(path, { user });
    const api = await connect(t, path);
    assert.equal(await statusOf(api), 200, name);
  }
  server.writeKubeconfig(join(folder, "nobody"));
  assert.equal(await statusOf(await connect(t, join(folder, "nobody"))), 401);
});

test("in a pod the service account leads to the API server", async (t) => {
  const authority = await createAuthority();
  const server = await startFakeApiServer(t, { tls: await authority.issue() });
  server.authorizations.add("Bearer of-the-pod");
  const serviceAccountFolder = aFolder(t);
  writeFileSync(join(serviceAccountFolder, "token"), "of-the-pod");
  writeFileSync(join(serviceAccountFolder, "ca.crt"), authority.cert);
  writeFileSync(join(serviceAccountFolder, "namespace"), "models");
  const env = { KUBERNETES_SERVICE_HOST: "127.0.0.1", KUBERNETES_SERVICE_PORT: `${server.port}`, HOME: "/nowhere" };
  const api = await connectApiServer({ env, serviceAccountFolder, clock: systemClock });
  t.after(() => api.close());
  assert.deepEqual([api.url, api.namespace, await statusOf(api)], [server.url, "models", 200]);
});
