import { formatSelector } from "../discovery/kubernetes/inference-pool.ts";
import type { CustomKind } from "../discovery/kubernetes/known-kinds.ts";
import { formatResource, type RightPurpose } from "../discovery/kubernetes/needed-rights.ts";
import type { AnsweredRight } from "../discovery/kubernetes/own-rights.ts";
import type { CountedPod, Exclusion } from "../discovery/kubernetes/pool-census.ts";
import { printableText } from "../lib/printable-text.ts";
import { suggest } from "../lib/suggest.ts";
import type { ClusterFacts } from "./examine-cluster.ts";
import type { Finding, Severity } from "./finding.ts";

type Fact = Omit<Finding, "endpoints">;

/** What is wrong between a picker and the API server, with the pool, and with its pods. */
export function findInCluster(facts: ClusterFacts): readonly Finding[] {
  const found = [
    ...findNoPoolKind(facts),
    ...findInKinds(facts),
    ...findInRights(facts),
    ...findInPool(facts),
    ...findNoEndpoints(facts),
  ];
  return [...found.map((fact) => ({ ...fact, endpoints: [] })), ...findInPods(facts)];
}

function findInKinds({ kinds }: ClusterFacts): readonly Fact[] {
  const unanswered = kinds.filter(({ standing }) => standing === "unanswered").map(formatKind);
  const asked: Fact = {
    severity: "warning",
    code: "kind-unanswered",
    message: `the API server does not say whether it knows ${unanswered.join(", ")}`,
    advice: "let whoever asks read the API server's discovery (ClusterRole system:discovery)",
  };
  const absent = kinds.filter(({ standing }) => standing === "absent");
  // Each is asked for in two groups, and one of them is enough.
  const objects = ["inferenceobjectives", "inferencemodelrewrites"].filter(
    (resource) => absent.filter((kind) => kind.resource === resource).length === 2,
  );
  const unused: Fact = {
    severity: "note",
    code: "kind-absent",
    message: `the API server knows ${objects.join(" and ")} in neither group: they have no effect`,
    advice: "nothing, if no request has a priority and no model is rewritten; else install their CRDs",
  };
  return [...(unanswered.length > 0 ? [asked] : []), ...(objects.length > 0 ? [unused] : [])];
}

function findNoPoolKind({ kinds, pool }: ClusterFacts): readonly Fact[] {
  const kind = kinds.find(({ resource }) => resource === "inferencepools");
  if (kind === undefined || (kind.standing !== "absent" && pool.kind !== "absent")) return [];
  return [
    {
      severity: "error",
      code: "kind-absent",
      message: `the API server does not know ${formatKind(kind)}: the picker waits for it and has no endpoints`,
      advice: "install the CRDs of the Gateway API Inference Extension, or give --endpoint-selector in place of a pool",
    },
  ];
}

function formatKind({ resource, group, version }: CustomKind): string {
  return `${resource}.${group} ${version}`;
}

const rightTexts: Readonly<Record<RightPurpose, readonly [severity: Severity, consequence: string, advice: string]>> = {
  pool: [
    "error",
    "the picker would have no endpoints",
    "grant it in the picker's Role, as the chart's templates/rbac.yaml",
  ],
  objects: ["warning", "these objects would have no effect", "grant it in the picker's Role"],
  election: [
    "error",
    "no picker would lead",
    "grant it in the picker's Role, or leave --ha-enable-leader-election out",
  ],
  readers: [
    "warning",
    "whoever reads /metrics would get 503",
    "grant it in the picker's ClusterRole, or give --metrics-endpoint-auth=false",
  ],
  spare: ["note", "the picker does not ask for it", "nothing: the Role of the chart has it to spare"],
};

function findInRights({ user, rights, kinds }: ClusterFacts): readonly Fact[] {
  const unknown: Fact = {
    severity: "warning",
    code: "rights-unknown",
    message: `the API server does not say what ${nameOf(user)} may do: ${printableText(rights.problem ?? "", 300)}`,
    advice: "bind whoever asks to the ClusterRole system:basic-user, which every user has by default",
  };
  const missing = rights.rights.filter((right) => right.isGranted === false && !isOfAbsentKind(right, kinds));
  const purposes = Object.keys(rightTexts) as RightPurpose[];
  const found = purposes.flatMap((purpose): Fact[] => {
    const lacking = missing.filter((right) => right.purpose === purpose);
    if (lacking.length === 0) return [];
    const [severity, consequence, advice] = rightTexts[purpose];
    const message = `${nameOf(user)} may not ${formatRights(lacking)}: ${consequence}`;
    return [{ severity, code: "right-missing", message, advice }];
  });
  return [...(rights.problem === undefined ? [] : [unknown]), ...found];
}

/** The missing right says it already. */
function isToldAsRight({ rights }: ClusterFacts, resource: string): boolean {
  return rights.rights.some(
    (right) => right.verb === "list" && right.resource === resource && right.isGranted === false,
  );
}

function nameOf(user: string | undefined): string {
  return user === undefined ? "whoever asks" : printableText(user, 120);
}

function isOfAbsentKind({ group, resource }: AnsweredRight, kinds: readonly CustomKind[]): boolean {
  const kind = kinds.find((known) => known.group === group && known.resource === resource);
  return kind?.standing === "absent";
}

/** `list, watch pods; list inferencepools in namespace "ns"`; all are in the same namespace, or in none. */
function formatRights(rights: readonly AnsweredRight[]): string {
  const verbs = new Map<string, string[]>();
  for (const right of rights) {
    const resource = formatResource(right);
    const others = verbs.get(resource);
    if (others === undefined) verbs.set(resource, [right.verb]);
    else others.push(right.verb);
  }
  const [first] = rights;
  const place = first?.namespace === undefined ? "" : ` in namespace "${first.namespace}"`;
  return `${Array.from(verbs, ([resource, names]) => `${names.join(", ")} ${resource}`).join("; ")}${place}`;
}

function findInPool(facts: ClusterFacts): readonly Fact[] {
  const { pool, namespace, poolName } = facts;
  const what = `InferencePool "${poolName}" in namespace "${namespace}"`;
  const error = (code: Finding["code"], message: string, advice: string): readonly Fact[] => [
    { severity: "error", code, message, advice },
  ];
  switch (pool.kind) {
    case "ok":
    case "absent":
      return [];
    case "missing": {
      const near = suggest(poolName, pool.others);
      const there = pool.others.length === 0 ? "found none" : `found ${pool.others.join(", ")}`;
      const advice =
        near === undefined ? "create it, or correct --pool-name and --pool-namespace" : `did you mean ${near}?`;
      return error("pool-missing", `no ${what}, ${there}`, advice);
    }
    case "terminating":
      return error("pool-missing", `the ${what} is being deleted: it has no endpoints`, "create it anew");
    case "invalid":
      return error("pool-invalid", `the ${what} is not usable: ${printableText(pool.problem, 500)}`, "correct it");
    case "unanswered":
      if (isToldAsRight(facts, "inferencepools")) return [];
      return error("pool-unanswered", `cannot ask for ${what}: ${printableText(pool.problem, 500)}`, askAdvice);
  }
}

const askAdvice = "look at the API server, and at what admits or answers its requests";

function findNoEndpoints(facts: ClusterFacts): readonly Fact[] {
  const { pool, pods, namespace } = facts;
  if (pool.kind !== "ok" || pods === undefined) return [];
  if (typeof pods === "string") {
    if (isToldAsRight(facts, "pods")) return [];
    const message = `cannot ask for the pods in namespace "${namespace}": ${printableText(pods, 500)}`;
    return [{ severity: "error", code: "pods-unanswered", message, advice: askAdvice }];
  }
  if (pods.some(({ endpoints }) => endpoints.length > 0)) return [];
  const labels = formatSelector(pool.pool.selector);
  const found =
    pods.length === 0
      ? `no pod in namespace "${namespace}" has the labels ${labels}`
      : `none of the ${pods.length} pods with the labels ${labels} is an endpoint`;
  return [
    {
      severity: "error",
      code: "no-endpoints",
      message: `${found}: every request is answered with 503`,
      advice:
        pods.length === 0 ? "start model servers with these labels, or correct the selector" : "see the pods below",
    },
  ];
}

function findInPods({ pods }: ClusterFacts): readonly Finding[] {
  if (!Array.isArray(pods)) return [];
  return (pods as readonly CountedPod[]).flatMap(({ name, namespace, exclusion, serviceAccount, ip }) => {
    if (exclusion === undefined) return [];
    return { endpoints: [`${namespace}/${name}`], ...explain(exclusion, ip, serviceAccount) };
  });
}

function explain(exclusion: Exclusion, ip: string | undefined, account: string | undefined): Fact {
  switch (exclusion.kind) {
    case "terminating":
      return { severity: "note", code: "pod-excluded", message: "no endpoint: the pod is being deleted" };
    case "not-ready": {
      const detail = exclusion.detail === "" ? "it is not True" : printableText(exclusion.detail, 200);
      return { severity: "note", code: "pod-excluded", message: `no endpoint: condition Ready, ${detail}` };
    }
    case "no-address":
      return { severity: "warning", code: "pod-excluded", message: "no endpoint: ready, but without an address" };
    case "no-active-port": {
      const message = "no endpoint: its annotation active-ports names no port of the pool";
      return { severity: "note", code: "pod-excluded", message };
    }
    case "refused":
      return { severity: "warning", code: "pod-refused", ...explainRefusal(exclusion.reason, ip, account) };
  }
}

function explainRefusal(reason: string, ip = "", account = "default"): Pick<Fact, "message" | "advice"> {
  switch (reason) {
    case "service-account":
      return {
        message: `refused: runs as service account ${printableText(account)}, not as --pod-service-account says`,
        advice: "start it as that account; if it is no model server of yours, find out whose it is",
      };
    case "max-pods":
      return { message: "refused: the pool has as many pods as it may", advice: "raise --pool-max-pods" };
    case "node":
      return {
        message: `refused: ${ip} is its node's address (hostNetwork)`,
        advice: "run it without hostNetwork, or give --allow-host-network",
      };
    default:
      return {
        message: `refused: no pod has an address such as ${ip} (${reason})`,
        advice: "find out who wrote the pod's status",
      };
  }
}
