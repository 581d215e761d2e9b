import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { credentials } from "@grpc/grpc-js";
import { createSelfSigned } from "../../src/extproc/self-signed.ts";
import { connectAsEnvoy, setHeaders } from "../support/ext-proc-client.ts";
import { runEpp, startEpp } from "../support/run-epp.ts";

const goodEndpoints = "endpoints: [{ name: a, address: 127.0.0.1, port: '1' }]\n";
const free = ["--host", "127.0.0.1", "--grpc-port", "0", "--grpc-health-port", "0", "--metrics-port", "0"];
const atOnce = ["--drain-timeout", "0", "--drain-hard-stop", "0"];

/** TLS without verification. */
const insecure = credentials.createSsl(null, null, null, { rejectUnauthorized: false });

/** Writes files into a folder that goes with the test, and returns their paths in order. */
function files(t: TestContext, contents: Readonly<Record<string, string | Buffer>>): string[] {
  const folder = mkdtempSync(join(tmpdir(), "epp-cli-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return Object.entries(contents).map(([name, content]) => {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  });
}

test("serve routes over TLS with a self-signed certificate and stops on SIGTERM with exit 0", async (t) => {
  const [endpoints = ""] = files(t, { "endpoints.yaml": goodEndpoints });
  const epp = startEpp(t, ["serve", "--endpoints", endpoints, ...free, ...atOnce]);
  await epp.says(/Picker is serving/);
  const { grpcPort } = JSON.parse(
    epp
      .stderr()
      .split("\n")
      .find((line) => line.includes("Picker is serving")) ?? "",
  ) as { grpcPort: number };
  const stream = connectAsEnvoy(t, grpcPort, insecure).open();
  stream.requestHeaders(
    [
      [":method", "GET"],
      [":path", "/v1/models"],
    ],
    true,
  );
  assert.equal(setHeaders(await stream.next())["x-gateway-destination-endpoint"], "127.0.0.1:1");
  await stream.close();
  epp.kill("SIGTERM");
  assert.equal((await epp.ended).code, 0);
});

test("G7 T41 serve takes sizes, half-lives, TLS settings, a watched certificate and --health-checking", async (t) => {
  const pair = await createSelfSigned(Date.now());
  const [endpoints = "", cert = ""] = files(t, {
    "endpoints.yaml": goodEndpoints,
    "tls.crt": pair.cert,
    "tls.key": pair.key,
  });
  const sizes = ["--grpc-max-recv-msg-size", "10MiB", "--grpc-max-send-msg-size=25MB"];
  const tls = [
    "--tls-min-version",
    "VersionTLS13",
    "--tls-cipher-suites=TLS_AES_256_GCM_SHA384",
    "--enable-cert-reload",
  ];
  const halfLife = ["--signal-half-life-min", "100ms", "--signal-half-life-max=1s"];
  const folder = ["--cert-path", cert.slice(0, -"/tls.crt".length)];
  const all = [
    "--endpoints",
    endpoints,
    ...free,
    ...atOnce,
    ...sizes,
    ...halfLife,
    ...tls,
    ...folder,
    "--health-checking",
  ];
  const epp = startEpp(t, ["serve", ...all]);
  await epp.says(/Picker is serving/);
  epp.kill("SIGTERM");
  assert.equal((await epp.ended).code, 0);
});

test("F42 a second signal ends the drain of serve at once, in order, with exit 0", async (t) => {
  const [endpoints = ""] = files(t, { "endpoints.yaml": goodEndpoints });
  const epp = startEpp(t, ["serve", "--endpoints", endpoints, ...free]);
  await epp.says(/Picker is serving/);
  const { grpcPort } = JSON.parse(/.*"grpcPort".*/.exec(epp.stderr())?.[0] ?? "") as { grpcPort: number };
  const stream = connectAsEnvoy(t, grpcPort, insecure).open();
  stream.requestHeaders(
    [
      [":method", "GET"],
      [":path", "/v1/models"],
    ],
    true,
  );
  await stream.next();
  epp.kill("SIGTERM");
  await epp.says(/"signal":"SIGTERM".*Stopping: takes streams until/);
  epp.kill("SIGINT");
  await epp.says(/"signal":"SIGINT".*Stopping at once: open streams are cut/);
  const { code, stderr } = await epp.ended;
  assert.equal(code, 0);
  assert.match(stderr, /"windowEnd":"hurried".*"cutStreams":1.*Drained: streams were cut/);
  assert.match(stderr, /Stopped/);
  assert.ok((await stream.over) instanceof Error);
});

for (const [what, fault] of [
  ["an exception", "throw new Error('boom')"],
  ["a rejection", "Promise.reject(new Error('boom'))"],
] as const) {
  test(`F44 ${what} outside of any request drains and ends serve with 1`, async (t) => {
    const [endpoints = ""] = files(t, { "endpoints.yaml": goodEndpoints });
    const hook = `data:text/javascript,process.on("SIGUSR2",()=>{setTimeout(()=>{${fault}})})`;
    const args = ["serve", "--endpoints", endpoints, ...free, "--drain-timeout", "2s"];
    const epp = startEpp(t, args, ["--import", encodeURI(hook)]);
    await epp.says(/Picker is serving/);
    const { grpcPort } = JSON.parse(/.*"grpcPort".*/.exec(epp.stderr())?.[0] ?? "") as { grpcPort: number };
    const stream = connectAsEnvoy(t, grpcPort, insecure).open();
    epp.kill("SIGUSR2");
    await epp.says(/boom.*Bug outside of any request/);
    stream.requestHeaders(
      [
        [":method", "GET"],
        [":path", "/v1/models"],
      ],
      true,
    );
    await stream.next();
    await stream.close();
    const { code, stderr } = await epp.ended;
    assert.equal(code, 1);
    assert.match(stderr, /Drained: every stream has ended/);
  });
}

test("G3 serve names every problem of a config with its place and exits 1", async (t) => {
  const config = `apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins:
  - type: queue-scorrer
  - type: kv-cache-utilization-scorer
    weight: 2
`;
  const [endpoints = "", file = ""] = files(t, { "endpoints.yaml": goodEndpoints, "epp.yaml": config });
  const { code, stdout, stderr } = await runEpp(t, ["serve", "--endpoints", endpoints, "--config-file", file, ...free]);
  assert.deepEqual({ code, stdout }, { code: 1, stdout: "" });
  assert.match(stderr, /epp\.yaml:4:11 plugins\[0\]\.type: .*"queue-scorrer".*did you mean "queue-scorer"/);
  assert.match(stderr, /epp\.yaml:6:5 plugins\[1\].*weight/);
});

test("serve names every problem of an endpoints file with its line and exits 1", async (t) => {
  const text =
    "endpoints:\n  - name: a\n    adress: 10.0.0.1\n    port: '8000'\n  - name: b\n    address: 10.0.0.2\n    port: '80000'\n";
  const [endpoints = ""] = files(t, { "endpoints.yaml": text });
  const { code, stderr } = await runEpp(t, ["serve", "--endpoints", endpoints, ...free]);
  assert.equal(code, 1);
  assert.match(stderr, /endpoints\.yaml:3:5 .*adress/);
  assert.match(stderr, /endpoints\.yaml:7:11 .*80000/);
});

const usage: readonly [what: string, args: string[], problem: RegExp][] = [
  ["no pool", [], /serve needs one of --pool-name NAME, --endpoint-selector LABELS, --endpoints FILE/],
  [
    "two pools (file and selector)",
    ["--endpoints", "x", "--endpoint-selector", "app=vllm"],
    /--endpoints and --endpoint-selector exclude each other/,
  ],
  [
    "two pools (name and selector)",
    ["--pool-name", "p", "--endpoint-selector", "app=vllm", "--endpoint-target-ports", "8000"],
    /--pool-name and --endpoint-selector exclude each other/,
  ],
  [
    "a selector without ports",
    ["--endpoint-selector", "app=vllm"],
    /--endpoint-selector needs --endpoint-target-ports PORTS/,
  ],
  [
    "a selector and a pod name that tells no deployment",
    ["--endpoint-selector", "app=vllm", "--endpoint-target-ports", "8000"],
    /--endpoint-selector needs the environment variable POD_NAME/,
  ],
  [
    "a selector that is none",
    ["--endpoint-selector", "app in (a, b)", "--endpoint-target-ports", "8000"],
    /endpoint-selector[^]*expected KEY=VALUE/,
  ],
  [
    "objects of a file for a pool of a cluster",
    ["--pool-name", "p", "--objects", "f"],
    /--objects goes with --endpoints/,
  ],
  ["an unknown flag", ["--endpoint", "x"], /unknown option '--endpoint'[^]*--endpoints/],
  [
    "the namespace of a pool in a file",
    ["--endpoints", "x", "--pool-namespace", "n"],
    /cannot use --pool-namespace with --endpoints: it goes with --pool-name or --endpoint-selector/,
  ],
  [
    "two configs",
    ["--endpoints", "x", "--config-file", "a", "--config-text", "b"],
    /--config-file and --config-text exclude each other/,
  ],
  ["a port out of range", ["--endpoints", "x", "--grpc-port", "70000"], /expected a whole number from 0 to 65535/],
  ["a bad duration", ["--endpoints", "x", "--refresh-metrics-interval", "fast"], /expected a duration such as 50ms/],
  [
    "a half-life of nothing",
    ["--endpoints", "x", "--signal-half-life-min", "0s"],
    /cannot use --signal-half-life-min 0: expected a duration above 0/,
  ],
  [
    "half-lives the wrong way round",
    ["--endpoints", "x", "--signal-half-life-min", "1.5s", "--signal-half-life-max", "1s"],
    /cannot use --signal-half-life-min 1500ms: expected at most --signal-half-life-max, which is 1000ms/,
  ],
  [
    "a half-life that is no duration",
    ["--endpoints", "x", "--signal-half-life-max", "long"],
    /signal-half-life-max[^]*expected a duration such as 50ms/,
  ],
  ["a size without a unit that is known (G7)", ["--grpc-max-recv-msg-size", "10KB"], /expected a size such as 4194304/],
  ["a negative size (G7)", ["--grpc-max-send-msg-size=-1"], /expected a size such as 4194304/],
  ["a size beyond 64 bits (G7)", ["--grpc-max-recv-msg-size", "8Ei"], /expected a size such as 4194304/],
  ["a TLS version below the floor", ["--tls-min-version", "VersionTLS11"], /expected VersionTLS12 or VersionTLS13/],
  [
    "a cipher suite nobody knows",
    ["--tls-cipher-suites", "TLS_AES_128_GCM_SHA256,TLS_RSA_WITH_RC4_128_SHA"],
    /Cannot use cipher suite "TLS_RSA_WITH_RC4_128_SHA": unknown or forbidden/,
  ],
  ["a watch of no certificate", ["--endpoints", "x", "--enable-cert-reload"], /--enable-cert-reload needs --cert-path/],
  ["G8 a target port out of range", ["--endpoints", "x", "--endpoint-target-ports", "8000,70000"], /from 1 to 65535/],
  [
    "G8 nine target ports",
    ["--endpoints", "x", "--endpoint-target-ports", "1,2,3,4,5,6,7,8,9"],
    /9 ports, expected at most 8/,
  ],
  [
    "G8 target ports without a selector",
    ["--endpoints", "x", "--endpoint-target-ports", "1,2"],
    /goes with --endpoint-selector/,
  ],
  [
    "G9 a metrics certificate without a client CA",
    ["--endpoints", "x", "--metrics-cert-dir", "d"],
    /--metrics-cert-dir needs --metrics-client-ca-file/,
  ],
  [
    "G9 a client CA without a metrics certificate",
    ["--endpoints", "x", "--metrics-client-ca-file", "f"],
    /--metrics-client-ca-file needs --metrics-cert-dir/,
  ],
  ["authentication of metrics", ["--endpoints", "x", "--metrics-endpoint-auth"], /asks the Kubernetes API/],
];
for (const [what, args, problem] of usage) {
  test(`serve with ${what} says so and exits 2`, async (t) => {
    const { code, stderr } = await runEpp(t, ["serve", ...args]);
    assert.match(stderr, problem);
    assert.equal(code, 2);
  });
}

test("serve with a missing file, an unreadable certificate or a port in use says so in one line and exits 1", async (t) => {
  const taken = createServer().listen(0, "127.0.0.1");
  await once(taken, "listening");
  t.after(() => taken.close());
  const { port } = taken.address() as AddressInfo;
  const pair = await createSelfSigned(Date.now());
  const other = await createSelfSigned(Date.now());
  const [endpoints = "", cert = ""] = files(t, {
    "endpoints.yaml": goodEndpoints,
    "tls.crt": pair.cert,
    "tls.key": other.key,
  });
  const folder = cert.slice(0, -"/tls.crt".length);
  const cases: readonly [args: string[], problem: RegExp][] = [
    [["--endpoints", `${folder}/none.yaml`, ...free], /Cannot read endpoints file ".*none\.yaml"/],
    [
      ["--endpoints", endpoints, ...free, "--cert-path", `${folder}/none`],
      /Cannot read certificate ".*none\/tls\.crt"/,
    ],
    [
      ["--endpoints", endpoints, ...free, "--cert-path", folder],
      /Cannot use certificate ".*": .*expected a PEM tls\.crt and its tls\.key/,
    ],
    [
      ["--endpoints", endpoints, ...free, "--metrics-port", String(port)],
      new RegExp(`listen.*127\\.0\\.0\\.1:${port}`),
    ],
    [
      ["--endpoints", endpoints, ...free, "--grpc-port", String(port)],
      new RegExp(`[Ll]isten.*127\\.0\\.0\\.1:${port}`),
    ],
  ];
  for (const [args, problem] of cases) {
    const { code, stderr } = await runEpp(t, ["serve", ...args]);
    const lines = stderr.split("\n").filter((line) => line.startsWith("epp: "));
    assert.equal(lines.length, 1, stderr);
    assert.match(lines[0] ?? "", problem);
    assert.equal(code, 1);
  }
});

test("accepted flags of the reference picker are named once in the log", async (t) => {
  const [endpoints = ""] = files(t, { "endpoints.yaml": goodEndpoints });
  const epp = startEpp(t, [
    "serve",
    "--endpoints",
    endpoints,
    ...free,
    ...atOnce,
    "--tracing=false",
    "--zap-encoder=json",
    "-v=2",
  ]);
  await epp.says(/Flags without an effect in this picker/);
  await epp.says(/Picker is serving/);
  epp.kill("SIGTERM");
  assert.equal((await epp.ended).code, 0);
});

test("G9 a scrape interval below 50 ms becomes 50 ms, without an error", async (t) => {
  const [endpoints = ""] = files(t, { "endpoints.yaml": goodEndpoints });
  const epp = startEpp(t, ["serve", "--endpoints", endpoints, ...free, "--refresh-metrics-interval", "10ms"]);
  await epp.says(/Picker is serving/);
  const line =
    epp
      .stderr()
      .split("\n")
      .find((candidate) => candidate.includes("Picker is serving")) ?? "";
  const { metricsPort } = JSON.parse(line) as { metricsPort: number };
  const page = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
  assert.match(page, /^epp_scrape_interval_seconds 0\.05$/m);
  epp.kill("SIGTERM");
  assert.equal((await epp.ended).code, 0);
});
