import { type Command, InvalidArgumentError, Option } from "commander";
import { defaultPoolGroup } from "../discovery/inference-objects.ts";
import { deploymentOf, parseSelector } from "../discovery/kubernetes/endpoint-selector.ts";
import type { PoolSelection } from "../discovery/kubernetes/inference-pool.ts";
import { defaultMaxPods } from "../discovery/kubernetes/pod-membership.ts";
import { UsageError } from "./exit.ts";
import { booleanValue, portsValue, positiveInteger } from "./option-values.ts";

/** Flags that say where the pool is, as commander gives them. */
export interface PoolFlags {
  endpoints?: string;
  objects?: string;
  poolName?: string;
  poolNamespace?: string;
  poolGroup: string;
  endpointSelector?: PoolSelection["selector"];
  endpointTargetPorts?: readonly number[];
  poolMaxPods: number;
  podServiceAccount?: string;
  allowHostNetwork: boolean;
  allowLoopback: boolean;
}

/** Where a picker's pool is. */
export type PoolLocation =
  | { readonly kind: "file"; readonly poolName: string; readonly endpointsFile: string }
  | {
      readonly kind: "cluster";
      readonly poolName: string;
      readonly namespace: string;
      /** undefined: the InferencePool of the name says. */
      readonly selection: PoolSelection | undefined;
    };

/** The pool's name in metrics and objects when endpoints come from a file. */
const defaultPoolName = "default";
/** Flags that mean nothing for a pool in a file, and what they go with. */
const clusterFlags = {
  poolNamespace: ["--pool-namespace", "--pool-name or --endpoint-selector"],
  podServiceAccount: ["--pod-service-account", "--pool-name or --endpoint-selector"],
  endpointTargetPorts: ["--endpoint-target-ports", "--endpoint-selector"],
} as const;

/** Declares the flags. */
export function addPoolFlags(command: Command): void {
  command
    .option("--endpoints <file>", "endpoints file (YAML or JSON), watched")
    .option("--objects <file>", "InferenceObjectives and InferenceModelRewrites of the pool (YAML), watched");
  addClusterFlags(command);
}

/** Declares those that say which pods of a cluster are the pool. */
export function addClusterFlags(command: Command): void {
  command
    .option("--pool-name <name>", "InferencePool to serve; with --endpoints, name of the pool in metrics and objects")
    .option("--pool-namespace <namespace>", "namespace of the pool and its pods; default: NAMESPACE, else default")
    .option("--pool-group <group>", "API group of the InferencePool", defaultPoolGroup)
    .option(
      "--endpoint-selector <labels>",
      "pods to serve without an InferencePool, KEY=VALUE with commas between",
      selectorValue,
    )
    .option("--endpoint-target-ports <ports>", "ports of those pods, at most 8, commas between", portsValue)
    .option("--pool-max-pods <n>", "most pods of a pool; those beyond wait", positiveInteger, defaultMaxPods)
    .option("--pod-service-account <name>", "only pods that run as this service account join the pool")
    .option("--allow-host-network [bool]", "let pods on their node's address join the pool", booleanValue, false)
    .addOption(new Option("--allow-loopback [bool]").argParser(booleanValue).default(false).hideHelp());
}

/** Where the flags say that the pool is; throws UsageError, of `command`, when they say it not at all, or more than once. */
export function locatePool(flags: PoolFlags, env: NodeJS.ProcessEnv, command: "serve" | "doctor"): PoolLocation {
  const { endpoints, endpointSelector, poolName } = flags;
  if (endpoints !== undefined) return inFile(flags, endpoints);
  if (flags.objects !== undefined)
    throw new UsageError("--objects goes with --endpoints: in a cluster objects come from its API server");
  const namespace = flags.poolNamespace || env["NAMESPACE"] || "default";
  if (endpointSelector !== undefined) {
    if (poolName !== undefined)
      throw new UsageError("--pool-name and --endpoint-selector exclude each other: give one of them");
    const selection = { selector: endpointSelector, targetPorts: targetPortsOf(flags) };
    return { kind: "cluster", poolName: nameOfDeployment(env["POD_NAME"]), namespace, selection };
  }
  if (flags.endpointTargetPorts !== undefined)
    throw new UsageError("--endpoint-target-ports goes with --endpoint-selector");
  if (poolName === undefined || poolName === "") {
    throw new UsageError(`${command} needs one of --pool-name NAME, --endpoint-selector LABELS, --endpoints FILE`);
  }
  return { kind: "cluster", poolName, namespace, selection: undefined };
}

function inFile(flags: PoolFlags, endpointsFile: string): PoolLocation {
  if (flags.endpointSelector !== undefined) {
    throw new UsageError("--endpoints and --endpoint-selector exclude each other: give one of them");
  }
  for (const key of Object.keys(clusterFlags) as (keyof typeof clusterFlags)[]) {
    const [flag, partner] = clusterFlags[key];
    if (flags[key] !== undefined) throw new UsageError(`cannot use ${flag} with --endpoints: it goes with ${partner}`);
  }
  return { kind: "file", poolName: flags.poolName ?? defaultPoolName, endpointsFile };
}

function targetPortsOf({ endpointTargetPorts }: PoolFlags): readonly number[] {
  if (endpointTargetPorts !== undefined) return endpointTargetPorts;
  throw new UsageError("--endpoint-selector needs --endpoint-target-ports PORTS");
}

/** Without an InferencePool the pool has the name of the picker's own deployment (protocol 4.5). */
function nameOfDeployment(podName: string | undefined): string {
  const name = deploymentOf(podName ?? "");
  if (name !== undefined) return name;
  const found = podName === undefined ? "it is not set" : `found "${podName}"`;
  throw new UsageError(
    `--endpoint-selector needs the environment variable POD_NAME, <deployment>-<hash>-<id>, for the pool's name: ${found}`,
  );
}

function selectorValue(text: string): PoolSelection["selector"] {
  try {
    return parseSelector(text);
  } catch (error) {
    throw new InvalidArgumentError(`${(error as Error).message}.`);
  }
}
