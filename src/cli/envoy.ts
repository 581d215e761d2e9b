import { readFileSync } from "node:fs";
import { Option, type Command } from "commander";
import { readEndpoints } from "../discovery/endpoints-file.ts";
import { formatBootstrap } from "../envoy/bootstrap.ts";
import type { PickerHost, SocketAddress } from "../envoy/options.ts";
import { formatProblems } from "../lib/document.ts";
import { UsageError } from "./exit.ts";
import { portValue, readAddress } from "./option-values.ts";

interface EnvoyCommandOptions {
  endpoints: string;
  host: PickerHost;
  failOpen?: boolean;
  listenHost: string;
  listenPort: number;
  adminPort: number;
  epp: string[];
  eppHealthPort: number;
  insecureEpp?: boolean;
}

/** `epp envoy`: prints an Envoy bootstrap that asks the picker and forwards to the endpoints of a file. */
export function registerEnvoy(program: Command): void {
  program
    .command("envoy")
    .description("Print an Envoy bootstrap that routes through the picker to these endpoints")
    .requiredOption("--endpoints <file>", "endpoints file (YAML or JSON)")
    .addOption(
      new Option("--host <how>", "how Envoy reaches the endpoint that the picker names")
        .choices(["original-dst", "override-host"])
        .default("original-dst"),
    )
    .option("--fail-open", "let requests on when the picker does not answer; with original-dst they still get 503")
    .option("--listen-host <address>", "address Envoy listens on", "127.0.0.1")
    .option("--listen-port <port>", "port Envoy listens on", portValue, 8081)
    .option("--admin-port <port>", "port of Envoy's admin interface, on loopback", portValue, 19000)
    .option("--epp <host:port...>", "the ext_proc address of every picker", ["127.0.0.1:9002"])
    .option("--epp-health-port <port>", "the pickers' gRPC health port", portValue, 9003)
    .option("--insecure-epp", "speak to the picker without TLS (epp serve --secure-serving=false)")
    .action((options: EnvoyCommandOptions) => {
      process.stdout.write(printBootstrap(options));
    });
}

function printBootstrap(options: EnvoyCommandOptions): string {
  const pickers = options.epp.map((address) => ({
    ...parseAddress(address),
    healthPort: options.eppHealthPort,
    isSecure: options.insecureEpp !== true,
  }));
  return formatBootstrap({
    listen: { host: options.listenHost, port: options.listenPort },
    admin: { host: "127.0.0.1", port: options.adminPort },
    routing: { kind: "picker", host: options.host, pickers, failOpen: options.failOpen === true },
    endpoints: readAddresses(options.endpoints),
  });
}

function readAddresses(file: string): readonly SocketAddress[] {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new Error(`Cannot read endpoints "${file}": ${(error as Error).message}`, { cause: error });
  }
  const read = readEndpoints(text, file);
  if (read.kind === "ok") return read.entries;
  throw new Error(`Cannot use endpoints "${file}":\n${formatProblems(read.problems)}`);
}

function parseAddress(text: string): SocketAddress {
  const address = readAddress(text);
  if (address !== undefined) return address;
  throw new UsageError(`cannot use --epp "${text}": expected HOST:PORT, IPv6 hosts in brackets`);
}
