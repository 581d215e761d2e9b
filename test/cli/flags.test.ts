import assert from "node:assert/strict";
import { test } from "node:test";
import { createProgram } from "../../src/cli/epp.ts";
import { UsageError } from "../../src/cli/exit.ts";

const program = await createProgram("serve");
const options = program.commands.find((command) => command.name() === "serve")?.options ?? [];

/** Flags of protocol 7.1 and what they are when they are not given; durations in milliseconds. */
const reference: readonly [flag: string, value: unknown][] = [
  ["--grpc-port", 9002],
  ["--grpc-health-port", 9003],
  ["--metrics-port", 9090],
  ["--pool-name", undefined],
  ["--pool-namespace", undefined],
  ["--pool-group", "inference.networking.k8s.io"],
  ["--endpoint-selector", undefined],
  ["--endpoint-target-ports", undefined],
  ["--config-file", undefined],
  ["--config-text", undefined],
  ["--allow-experimental-plugins", false],
  ["--disable-endpoint-subset-filter", false],
  ["--emit-endpoint-scores", false],
  ["--ha-enable-leader-election", false],
  ["--drain-timeout", 30_000],
  ["--grpc-max-recv-msg-size", undefined],
  ["--grpc-max-send-msg-size", undefined],
  ["--refresh-metrics-interval", 50],
  ["--refresh-prometheus-metrics-interval", undefined],
  ["--metrics-staleness-threshold", 2000],
  ["--v", 2],
  ["--zap-encoder", undefined],
  ["--zap-log-level", undefined],
  ["--tracing", undefined],
  // The reference's default is false; here hosts find health on both ports unless they are told otherwise.
  ["--health-checking", true],
  ["--enable-pprof", undefined],
  ["--secure-serving", true],
  ["--cert-path", undefined],
  ["--enable-cert-reload", false],
  ["--tls-min-version", "TLSv1.2"],
  ["--tls-cipher-suites", undefined],
  // true for a pool of a cluster, false with --endpoints.
  ["--metrics-endpoint-auth", undefined],
  ["--metrics-client-ca-file", undefined],
  ["--metrics-cert-dir", undefined],
  ["--enable-grpc-stream-metrics", false],
  ["--total-queued-requests-metric", undefined],
  ["--total-running-requests-metric", undefined],
  ["--kv-cache-usage-percentage-metric", undefined],
  ["--lora-info-metric", undefined],
  ["--cache-info-metric", undefined],
];

test("every flag of the reference picker is declared with its default", () => {
  for (const [flag, value] of reference) {
    const option = options.find(({ long }) => long === flag);
    assert.ok(option, `${flag} is not declared`);
    assert.equal(option.defaultValue, value, flag);
  }
});

/** The one line with which `epp serve` refuses arguments; fails when it does not. */
async function refusal(args: readonly string[]): Promise<string> {
  const serve = await createProgram("serve");
  let said = "";
  for (const command of [serve, ...serve.commands]) {
    command.exitOverride().configureOutput({
      writeErr: (text) => {
        said += text;
      },
    });
  }
  const error = await serve.parseAsync(["node", "epp", "serve", ...args]).then(
    () => assert.fail(`epp serve ${args.join(" ")} starts`),
    (caught: unknown) => caught as Error & { exitCode?: number },
  );
  if (error instanceof UsageError) return error.message;
  assert.ok((error.exitCode ?? 0) > 0, error.stack ?? "");
  return said;
}

const file = ["--endpoints", "x"];
const cluster = ["--pool-name", "p"];
const selector = ["--endpoint-selector", "app=a", "--endpoint-target-ports", "8000"];
const election = [...cluster, "--ha-enable-leader-election"];

const conflicts: readonly [id: string, args: readonly string[], problem: RegExp][] = [
  ["F65", [], /needs one of --pool-name NAME, --endpoint-selector LABELS, --endpoints FILE/],
  ["F65", [...cluster, ...selector], /--pool-name and --endpoint-selector exclude each other/],
  ["F65", [...file, ...selector], /--endpoints and --endpoint-selector exclude each other/],
  ["F65", ["--endpoint-selector", "app=a"], /--endpoint-selector needs --endpoint-target-ports/],
  ["F65", [...cluster, "--endpoint-target-ports", "8000"], /--endpoint-target-ports goes with --endpoint-selector/],
  ["G8", ["--endpoint-selector", "app=a", "--endpoint-target-ports", "0"], /from 1 to 65535/],
  [
    "G8",
    ["--endpoint-selector", "app=a", "--endpoint-target-ports", "1,2,3,4,5,6,7,8,9"],
    /9 ports, expected at most 8/,
  ],
  ["F65", [...file, "--pool-namespace", "n"], /cannot use --pool-namespace with --endpoints/],
  ["F65", [...file, "--pod-service-account", "s"], /cannot use --pod-service-account with --endpoints/],
  ["F65", [...cluster, "--objects", "o"], /--objects goes with --endpoints/],
  [
    "G9 F65",
    [...cluster, "--config-file", "a", "--config-text", "b"],
    /--config-file and --config-text exclude each other/,
  ],
  ["F65", [...cluster, "--enable-cert-reload"], /--enable-cert-reload needs --cert-path/],
  [
    "F65",
    [...file, "--ha-enable-leader-election"],
    /--ha-enable-leader-election needs a Lease of the Kubernetes API: leave it out/,
  ],
  [
    "F65",
    [...election, "--leader-election-lease-duration", "1500ms"],
    /lease-duration 1500ms: expected whole seconds from 1s to 1h/,
  ],
  [
    "F65",
    [...election, "--leader-election-renew-deadline", "15s"],
    /renew-deadline 15000ms: expected less than --leader-election-lease-duration/,
  ],
  ["F65", [...election, "--leader-election-retry-period", "6s"], /retry-period 6000ms: expected from 10ms to half/],
  ["F65", [...election, "--leader-election-retry-period", "soon"], /expected a duration such as 50ms/],
  ["F65", [...file, "--metrics-endpoint-auth"], /--metrics-endpoint-auth asks the Kubernetes API: leave it out/],
  ["G9", [...file, "--metrics-cert-dir", "d"], /--metrics-cert-dir needs --metrics-client-ca-file: with --endpoints/],
  ["G9", [...file, "--metrics-client-ca-file", "f"], /--metrics-client-ca-file needs --metrics-cert-dir/],
  ["G9", [...cluster, "--metrics-client-ca-file", "f"], /--metrics-client-ca-file needs --metrics-cert-dir/],
  [
    "G9",
    [...cluster, "--metrics-endpoint-auth=false", "--metrics-cert-dir", "d"],
    /--metrics-cert-dir needs --metrics-client-ca-file or --metrics-endpoint-auth: a certificate alone keeps nobody out/,
  ],
  ["G7", [...cluster, "--grpc-max-recv-msg-size", "10KB"], /expected a size such as 4194304/],
  ["G7", [...cluster, "--grpc-max-send-msg-size=-1"], /expected a size such as 4194304/],
  ["G7", [...cluster, "--grpc-max-recv-msg-size", "8Ei"], /expected a size such as 4194304/],
  ["G8", [...cluster, "--metrics-port", "65536"], /expected a whole number from 0 to 65535/],
  ["F65", [...cluster, "--drain-timeout", "30"], /expected a duration such as 50ms/],
  ["F65", [...cluster, "--refresh-metrics-interval", "fast"], /expected a duration such as 50ms/],
  ["F65", [...cluster, "--secure-serving=maybe"], /expected true or false/],
  ["F65", [...cluster, "--tls-min-version", "VersionTLS11"], /expected VersionTLS12 or VersionTLS13/],
  ["F65", [...cluster, "-v", "loud"], /expected a whole number from 0 to 10/],
  ["F65", [...cluster, "--leader-elect"], /unknown option '--leader-elect'/],
  ["F65", [...cluster, "surplus"], /too many arguments/],
  ...[
    "--total-queued-requests-metric",
    "--total-running-requests-metric",
    "--kv-cache-usage-percentage-metric",
    "--lora-info-metric",
    "--cache-info-metric",
  ].map((flag): [string, string[], RegExp] => [
    "F65",
    [...cluster, flag, "m"],
    new RegExp(`cannot use ${flag}: deprecated; name metrics in the config's engineConfigs`),
  ]),
];

for (const [id, args, problem] of conflicts) {
  test(`${id} epp serve ${args.join(" ")} is refused in one line`, async () => {
    const said = await refusal(args);
    assert.match(said, problem);
    const lines = said.trim().split("\n");
    // commander adds a suggestion to an unknown flag.
    assert.ok(lines.length <= 2, said);
  });
}
