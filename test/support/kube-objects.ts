/** What a test says of a Pod. */
export interface PodOptions {
  readonly name?: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly ip?: string;
  readonly isReady?: boolean;
  readonly isTerminating?: boolean;
  readonly createdAt?: string;
  readonly serviceAccount?: string;
  readonly hostNetwork?: boolean;
  readonly hostIp?: string;
}

/** A Pod as the API server gives it; default: ready, at 10.0.0.1, of the labels `app: vllm`. */
export function aPod(options: PodOptions = {}): Record<string, unknown> & { metadata: Record<string, unknown> } {
  const { name = "pod-a", namespace = "ns", labels = { app: "vllm" }, ip = "10.0.0.1", isReady = true } = options;
  const { uid = `uid-${name}`, annotations, isTerminating = false, serviceAccount = "default" } = options;
  const { createdAt = "2025-01-31T12:00:00Z", hostNetwork = false, hostIp = "192.168.0.1" } = options;
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name,
      namespace,
      uid,
      creationTimestamp: createdAt,
      labels: { ...labels },
      ...(annotations === undefined ? {} : { annotations: { ...annotations } }),
      ...(isTerminating ? { deletionTimestamp: "2025-01-31T13:00:00Z" } : {}),
    },
    spec: {
      serviceAccountName: serviceAccount,
      ...(hostNetwork ? { hostNetwork } : {}),
      containers: [{ name: "vllm" }],
    },
    status: {
      phase: "Running",
      hostIP: hostIp,
      hostIPs: [{ ip: hostIp }],
      ...(ip === "" ? {} : { podIP: ip, podIPs: [{ ip }] }),
      conditions: [
        { type: "Initialized", status: "True" },
        { type: "Ready", status: isReady ? "True" : "False" },
      ],
    },
  };
}

/** What a test says of an InferencePool. */
export interface PoolOptions {
  readonly name?: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly selector?: Readonly<Record<string, string>>;
  readonly ports?: readonly number[];
  readonly appProtocol?: string;
  readonly isTerminating?: boolean;
}

/** An InferencePool v1 as the API server gives it; default: `app: vllm`, port 8000. */
export function aKubePool(options: PoolOptions = {}): Record<string, unknown> & { metadata: Record<string, unknown> } {
  const { name = "pool", namespace = "ns", uid = `uid-${name}`, selector = { app: "vllm" }, ports = [8000] } = options;
  return {
    apiVersion: "inference.networking.k8s.io/v1",
    kind: "InferencePool",
    metadata: {
      name,
      namespace,
      uid,
      ...(options.isTerminating === true ? { deletionTimestamp: "2025-01-31T13:00:00Z" } : {}),
    },
    spec: {
      selector: { matchLabels: { ...selector } },
      targetPorts: ports.map((number) => ({ number })),
      ...(options.appProtocol === undefined ? {} : { appProtocol: options.appProtocol }),
      endpointPickerRef: { group: "", kind: "Service", name: "epp", port: { number: 9002 }, failureMode: "FailClose" },
    },
  };
}

/** An InferenceObjective of the pool `pool`. */
export function aKubeObjective(name: string, priority?: number, pool = "pool"): Record<string, unknown> {
  return {
    apiVersion: "llm-d.ai/v1alpha2",
    kind: "InferenceObjective",
    metadata: { name, namespace: "ns", uid: `uid-${name}`, creationTimestamp: "2025-01-31T12:00:00Z", generation: 1 },
    spec: { poolRef: { name: pool }, ...(priority === undefined ? {} : { priority }) },
    status: { conditions: [{ type: "Ready", status: "Unknown", reason: "Pending" }] },
  };
}

/** An InferenceModelRewrite of the pool `pool` that sends every request to `target`. */
export function aKubeRewrite(
  name: string,
  target: string,
  createdAt = "2025-01-31T12:00:00Z",
): Record<string, unknown> {
  return {
    apiVersion: "llm-d.ai/v1alpha2",
    kind: "InferenceModelRewrite",
    metadata: { name, namespace: "ns", uid: `uid-${name}`, creationTimestamp: createdAt },
    spec: { poolRef: { name: "pool" }, rules: [{ targets: [{ modelRewrite: target }] }] },
  };
}
