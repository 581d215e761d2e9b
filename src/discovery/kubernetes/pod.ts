import { readActivePorts } from "./active-ports.ts";
import { normalizeIp } from "../../lib/ip-address.ts";
import { at, field, listAt, textAt, textsAt } from "./json-fields.ts";

/** What is kept of a Pod; nothing else of it is looked at. */
export interface Pod {
  readonly uid: string;
  readonly name: string;
  readonly namespace: string;
  /** Unix time; 0 when unknown. */
  readonly createdAtMs: number;
  readonly labels: Readonly<Record<string, string>>;
  /** Its condition Ready is True and it is not being deleted (protocol 4.5). The phase does not count. */
  readonly isReady: boolean;
  /** Its first address, IPv6 in its shortest form and without brackets; undefined until it has a usable one. */
  readonly ip: string | undefined;
  /** Its address is also its node's. */
  readonly isOnNodeAddress: boolean;
  /** Ports that serve, see `readActivePorts`; undefined: all. */
  readonly activePorts: readonly number[] | undefined;
  readonly serviceAccount: string | undefined;
}

/**
 * Reads a Pod as the API server gives it. Whatever is missing or of the wrong type counts as not being there; undefined for
 * what has no uid, name and namespace. Never throws (reliability F32).
 */
export function readPod(raw: unknown): Pod | undefined {
  const metadata = field(raw, "metadata");
  const [uid, name, namespace] = [textAt(metadata, "uid"), textAt(metadata, "name"), textAt(metadata, "namespace")];
  if (uid === undefined || name === undefined || namespace === undefined) return undefined;
  const ip = ipOf(raw);
  const isTerminating = textAt(metadata, "deletionTimestamp") !== undefined;
  return {
    uid,
    name,
    namespace,
    createdAtMs: Date.parse(textAt(metadata, "creationTimestamp") ?? "") || 0,
    labels: textsAt(metadata, "labels"),
    isReady: !isTerminating && hasReadyCondition(raw),
    ip,
    isOnNodeAddress: at(raw, "spec", "hostNetwork") === true || (ip !== undefined && nodeIps(raw).includes(ip)),
    activePorts: readActivePorts(field(metadata, "annotations")),
    serviceAccount: textAt(raw, "spec", "serviceAccountName") ?? textAt(raw, "spec", "serviceAccount"),
  };
}

/** Whether all labels that `selector` asks for are there. */
export function matchesSelector(
  labels: Readonly<Record<string, string>>,
  selector: Readonly<Record<string, string>>,
): boolean {
  return Object.entries(selector).every(([key, value]) => field(labels, key) === value);
}

function hasReadyCondition(raw: unknown): boolean {
  const ready = listAt(raw, "status", "conditions").find((condition) => field(condition, "type") === "Ready");
  return field(ready, "status") === "True";
}

/** `podIP` is the first of `podIPs`; either may be missing. */
function ipOf(raw: unknown): string | undefined {
  const [first] = listAt(raw, "status", "podIPs");
  const text = textAt(raw, "status", "podIP") ?? textAt(first, "ip");
  return text === undefined ? undefined : normalizeIp(text);
}

function nodeIps(raw: unknown): readonly (string | undefined)[] {
  const texts = [
    textAt(raw, "status", "hostIP"),
    ...listAt(raw, "status", "hostIPs").map((entry) => textAt(entry, "ip")),
  ];
  return texts.map((text) => (text === undefined ? undefined : normalizeIp(text)));
}
