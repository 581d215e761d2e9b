import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { test } from "node:test";
import { connectApiServer } from "../../../src/discovery/kubernetes/api-client.ts";
import { readCurrentContext } from "../../../src/discovery/kubernetes/kubeconfig-file.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import { formatYaml } from "../../../src/lib/yaml-text.ts";
import { aFolder } from "../../support/kube/reflector-rig.ts";

const good = {
  clusters: [{ name: "c", cluster: { server: "https://127.0.0.1:1" } }],
  users: [{ name: "u", user: { token: "t" } }],
  contexts: [{ name: "x", context: { cluster: "c", user: "u", namespace: "ns" } }],
  "current-context": "x",
};
const cluster = (traits: object): object => ({ ...good, clusters: [{ name: "c", cluster: traits }] });
const user = (traits: object): object => ({ ...good, users: [{ name: "u", user: traits }] });

const bad: readonly { what: string; content: object | string; message: RegExp }[] = [
  { what: "not YAML", content: "clusters: [", message: /^Cannot use kubeconfig "FILE": FILE:1:12: .*$/ },
  { what: "empty", content: "", message: /^Cannot use kubeconfig "FILE": FILE:1:1: .*$/ },
  {
    what: "of another shape",
    content: { ...good, clusters: { c: 1 } },
    message: /^Cannot use kubeconfig "FILE": FILE:2:3 clusters: .*expected.*$/,
  },
  {
    what: "without a server",
    content: cluster({}),
    message: /^Cannot use kubeconfig "FILE": FILE:\d+:\d+ clusters\[0\]\.cluster\.server: .*$/,
  },
  {
    what: "without a current context",
    content: { ...good, "current-context": "" },
    message: /^Cannot use kubeconfig "FILE": .*current-context.*$/,
  },
  {
    what: "with a context that is not there",
    content: { ...good, "current-context": "prod" },
    message: /^Cannot use kubeconfig "FILE": context "prod" is not there, expected one of "x"$/,
  },
  {
    what: "with a cluster that is not there",
    content: { ...good, clusters: [] },
    message: /^Cannot use kubeconfig "FILE": cluster "c" is not there, expected entries, found none$/,
  },
  {
    what: "with a user that is not there",
    content: { ...good, users: [{ name: "v" }] },
    message: /^Cannot use kubeconfig "FILE": user "u" is not there, expected one of "v"$/,
  },
  {
    what: "with a server that is no URL",
    content: cluster({ server: "127.0.0.1:6443" }),
    message: /^Cannot use kubeconfig "FILE": cluster "c" has server "127.0.0.1:6443", expected an http or https URL$/,
  },
  {
    what: "with a proxy",
    content: cluster({ server: "https://a", "proxy-url": "http://p" }),
    message: /^Cannot use kubeconfig "FILE": cluster "c" has proxy-url "http:\/\/p", expected none: proxies .*$/,
  },
  {
    what: "with a CA file that is not there",
    content: cluster({ server: "https://a", "certificate-authority": "none.crt" }),
    message: /^Cannot use kubeconfig "FILE": no file "FOLDER\/none.crt", expected a readable file$/,
  },
  {
    what: "with a CA that is none",
    content: cluster({ server: "https://a", "certificate-authority-data": "aGVsbG8=" }),
    message: /^Cannot use kubeconfig "FILE": the CA has no certificate, expected PEM$/,
  },
  {
    what: "with a token file that is not there",
    content: user({ tokenFile: "none" }),
    message: /^Cannot use kubeconfig "FILE": no file "FOLDER\/none", expected a readable file$/,
  },
  {
    what: "with a plugin that is not there",
    content: user({ exec: { command: "./none", apiVersion: "client.authentication.k8s.io/v1" } }),
    message: /^Cannot use kubeconfig "FILE": no file "FOLDER\/none", expected .*$/,
  },
  {
    what: "with a plugin that fails",
    content: user({ exec: { command: "sh", args: ["-c", "echo no session >&2; exit 3"] } }),
    message: /^Cannot use kubeconfig "FILE": no session$/,
  },
];

for (const { what, content, message } of bad) {
  test(`a kubeconfig ${what} is told in one line`, async (t) => {
    const folder = aFolder(t);
    const path = join(folder, "config");
    writeFileSync(path, typeof content === "string" ? content : formatYaml(content));
    const error = await connectApiServer({ env: { KUBECONFIG: path }, clock: systemClock }).then(
      () => assert.fail("connected"),
      (error: Error) => error,
    );
    assert.equal(error.name, "KubeconfigError", error.stack);
    const text = error.message.replaceAll(path, "FILE").replaceAll(folder, "FOLDER");
    assert.match(text, message);
    assert.equal(text.split("\n").length, 1);
  });
}

test("no way to an API server is told in one line", async (t) => {
  const serviceAccountFolder = aFolder(t);
  const missing = join(serviceAccountFolder, "config");
  const start = (env: NodeJS.ProcessEnv): Promise<unknown> =>
    connectApiServer({ env, serviceAccountFolder, clock: systemClock });
  await assert.rejects(start({}), {
    message: `Cannot find an API server: KUBECONFIG is not set, no service account in "${serviceAccountFolder}", no ~/.kube/config; expected one of them`,
  });
  await assert.rejects(start({ KUBECONFIG: missing }), {
    message: `Cannot read kubeconfig "${missing}": no such file, expected a kubeconfig`,
  });
});

test("without KUBECONFIG the file of the home folder counts", async (t) => {
  const home = aFolder(t);
  mkdirSync(join(home, ".kube"));
  writeFileSync(join(home, ".kube", "config"), formatYaml(good));
  const api = await connectApiServer({ env: { HOME: home }, serviceAccountFolder: home, clock: systemClock });
  t.after(() => api.close());
  assert.deepEqual([api.url, api.namespace], ["https://127.0.0.1:1", "ns"]);
});

test("of several files the first that has an entry counts, and files that are missing are passed over", (t) => {
  const folder = aFolder(t);
  const path = (name: string): string => join(folder, name);
  writeFileSync(path("one"), formatYaml({ contexts: good.contexts, "current-context": "x" }));
  mkdirSync(path("sub"));
  writeFileSync(
    path("sub/two"),
    formatYaml({
      ...cluster({ server: "https://two", "certificate-authority": "ca.crt" }),
      users: [{ name: "u", user: { "client-key": "/keys/u", exec: { command: "aws" } } }],
      "current-context": "other",
    }),
  );
  const list = [path("missing"), path("one"), path("sub/two")].join(delimiter);
  const found = readCurrentContext(list);
  assert.deepEqual(
    [found.name, found.namespace, found.cluster.server, found.cluster["certificate-authority"]],
    ["x", "ns", "https://two", path("sub/ca.crt")],
  );
  assert.deepEqual([found.user["client-key"], found.user.exec?.command], ["/keys/u", "aws"]);
});
