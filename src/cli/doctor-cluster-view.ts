import { formatSelector } from "../discovery/kubernetes/inference-pool.ts";
import type { ClusterReport, PodReport, ResourceReport } from "../doctor/cluster-report.ts";
import { printableText } from "../lib/printable-text.ts";
import { cutMiddle, newTable, wrap } from "./report-text.ts";

const resourceWidth = 52;
const podWidth = 40;

/** What the API server says of a pool, as paragraphs of at most `columns` columns. */
export function formatCluster(cluster: ClusterReport, columns: number): readonly string[] {
  const { resources, pods } = cluster;
  const tables = [resourceTable(resources), ...(pods === undefined || pods.length === 0 ? [] : [podTable(pods)])];
  return [
    describePool(cluster)
      .flatMap((line) => wrap(line, columns))
      .join("\n"),
    ...tables,
  ];
}

function describePool({ apiServer, user, namespace, poolName, pool }: ClusterReport): readonly string[] {
  const asWhom = user === undefined ? "" : ` as ${user}`;
  const head = printableText(`pool ${namespace}/${poolName} at ${apiServer}${asWhom}`, 1000);
  if (pool === undefined) return [head];
  const { selector, targetPorts, appProtocol } = pool;
  const protocol = appProtocol === undefined ? "" : `, ${appProtocol}`;
  return [
    head,
    `pods with ${printableText(formatSelector(selector), 1000)}, ports ${targetPorts.join(", ")}${protocol}`,
  ];
}

function resourceTable(resources: readonly ResourceReport[]): string {
  const table = newTable(["resource", "known", "granted", "missing"], 4);
  for (const { resource, kind, granted, missing, unknown } of resources) {
    const known = kind === "unanswered" ? "?" : kind === "absent" ? "no" : "yes";
    const asked = unknown.length === 0 ? granted.join(" ") : "?";
    table.push([cutMiddle(printableText(resource, 300), resourceWidth), known, asked || "-", missing.join(" ") || "-"]);
  }
  return table.toString();
}

function podTable(pods: readonly PodReport[]): string {
  const table = newTable(["pod", "address", "endpoints", "why none"], 2);
  for (const { name, ip, endpoints, why } of pods) {
    table.push([cutMiddle(printableText(name, 300), podWidth), ip ?? "-", endpoints.length, why ?? "-"]);
  }
  return table.toString();
}
