import type { KubeObject } from "./resources.ts";

/** What a test wants in a pod. */
export interface PodTraits {
  /** Default "default". */
  readonly namespace?: string;
  /** Default `{ app: "vllm" }`. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  /** Default: none yet. */
  readonly ip?: string;
  /** Condition Ready; default true. */
  readonly isReady?: boolean;
  readonly finalizers?: readonly string[];
  /** Size of the object in bytes of JSON, filled up with managedFields; default: as it is. */
  readonly bytes?: number;
}

/** A pod as a model server's deployment makes it. */
export function aPod(name: string, traits: PodTraits = {}): KubeObject {
  const {
    namespace = "default",
    labels = { app: "vllm" },
    annotations,
    ip,
    isReady = true,
    finalizers,
    bytes = 0,
  } = traits;
  const pod: KubeObject = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name,
      namespace,
      labels,
      ...(annotations && { annotations }),
      ...(finalizers && { finalizers }),
    },
    spec: { containers: [{ name: "server", image: "model-server:1", ports: [{ containerPort: 8000 }] }] },
    status: {
      phase: "Running",
      conditions: [{ type: "Ready", status: isReady ? "True" : "False", lastTransitionTime: "2026-01-01T00:00:00Z" }],
      ...(ip === undefined ? {} : { podIP: ip, podIPs: [{ ip }] }),
    },
  };
  const missing = bytes - JSON.stringify(pod).length;
  return missing <= 0 ? pod : { ...pod, metadata: { ...pod.metadata, managedFields: managedFields(missing) } };
}

/** Field ownership as a server keeps it, about `bytes` of JSON. */
function managedFields(bytes: number): unknown {
  const fields: Record<string, unknown> = {};
  const entry = { "f:name": {}, "f:value": { ".": {}, "f:valueFrom": {} } };
  for (let size = 150, i = 0; size < bytes; i++) {
    const name = `k:{"name":"SETTING_${i}"}`;
    fields[name] = entry;
    size += JSON.stringify(name).length + JSON.stringify(entry).length + 2;
  }
  return [
    {
      manager: "kubelet",
      operation: "Update",
      apiVersion: "v1",
      fieldsType: "FieldsV1",
      fieldsV1: { "f:spec": fields },
    },
  ];
}
