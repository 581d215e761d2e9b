/** Reads one request header by its lower-cased name; undefined when absent. */
export type HeaderLookup = (name: string) => string | undefined;

/** Longest control value accepted, in UTF-16 code units (reliability T03). */
const maxValueLength = 256;

const objectiveNames = ["x-llm-d-inference-objective", "x-gateway-inference-objective"] as const;
const fairnessNames = ["x-llm-d-inference-fairness-id", "x-gateway-inference-fairness-id"] as const;
const rewriteNames = ["x-llm-d-model-name-rewrite", "x-gateway-model-name-rewrite"] as const;

/**
 * Headers by which a client or gateway steers this picker, new and legacy spelling: never echoed, and to be removed
 * before the model server (protocol 1.5, 3.1, case C4). `content-length` is system-owned too, but stays.
 */
export const controlHeaderNames: readonly string[] = [
  ...objectiveNames,
  ...fairnessNames,
  ...rewriteNames,
  "x-llm-d-slo-ttft-ms",
  "x-slo-ttft-ms",
  "x-llm-d-slo-tpot-ms",
  "x-slo-tpot-ms",
  "x-llm-d-video-fps",
  "x-llm-d-video-duration-seconds",
  "x-llm-d-video-resolution",
  "x-llm-d-request-dropped-reason",
  "epp-profile",
  "test-epp-endpoint-selection",
];

/** Header that carries the picked endpoints to the proxy (protocol 2). */
export const destinationHeader = "x-gateway-destination-endpoint";

/**
 * Headers that say where a request goes. Only the picker may set them: whatever a client sends under these names is
 * removed, unless the picker overwrites it in the same answer (protocol 1.5).
 */
export const routingHeaderNames: readonly string[] = [
  destinationHeader,
  "x-gateway-destination-endpoint-subset",
  "x-gateway-destination-endpoint-served",
  "x-gateway-destination-endpoint-scores",
  "x-prefiller-host-port",
  "x-encoder-hosts-ports",
  "x-data-parallel-host-port",
  "x-kv-cache-source-host-port",
];

/** What the headers of one request ask of the picker; "" where they ask nothing. */
export interface ControlHeaders {
  readonly kind: "read";
  /** Name of an objective, which gives the priority. */
  readonly objective: string;
  readonly fairnessId: string;
  /** Model to ask the server for instead of the body's. */
  readonly modelRewrite: string;
  /** `Prefer: if-available`: no answer unless a server has some of the prompt cached (protocol 1.10). */
  readonly onlyIfCached: boolean;
  /** "" when absent or not usable: the caller makes one up, so a bad id costs nobody the request. */
  readonly requestId: string;
}

/**
 * Reads the control headers. The new name wins over the legacy one when both are there and not empty (case C3).
 * A value of more than 256 characters or with control characters makes the request invalid (status 400): priority,
 * fairness and model must not silently become something else. The message names the header, not its value.
 */
export function readControlHeaders(lookup: HeaderLookup): ControlHeaders | { kind: "invalid"; message: string } {
  const objective = find(lookup, objectiveNames);
  const fairnessId = find(lookup, fairnessNames);
  const modelRewrite = find(lookup, rewriteNames);
  for (const { name, value } of [objective, fairnessId, modelRewrite]) {
    if (isUsable(value)) continue;
    const found = `${value.length} characters${hasControl(value) ? " with control characters" : ""}`;
    return {
      kind: "invalid",
      message: `header "${name}": found ${found}, expected at most ${maxValueLength} without control characters`,
    };
  }
  const requestId = lookup("x-request-id") ?? "";
  return {
    kind: "read",
    objective: objective.value,
    fairnessId: fairnessId.value,
    modelRewrite: modelRewrite.value,
    onlyIfCached: prefers(lookup("prefer") ?? "", "if-available"),
    requestId: isUsable(requestId) ? requestId : "",
  };
}

/** The path that says which API is called (protocol 3.1); query included, never empty. */
export function requestPath(lookup: HeaderLookup): string {
  return find(lookup, [":path", "x-original-path", "x-forwarded-path"]).value || "/v1/completions";
}

/** Whether a Prefer header names `token`: a comma list, in any case, parameters ignored. */
function prefers(header: string, token: string): boolean {
  return header.split(",").some((item) => item.split(";", 1)[0]?.trim().toLowerCase() === token);
}

/** The first of `names` that is not empty; the last one with "" when none is. */
function find(lookup: HeaderLookup, names: readonly string[]): { name: string; value: string } {
  for (const name of names) {
    const value = lookup(name);
    if (value !== undefined && value !== "") return { name, value };
  }
  return { name: names.at(-1) ?? "", value: "" };
}

function isUsable(value: string): boolean {
  return value.length <= maxValueLength && !hasControl(value);
}

function hasControl(value: string): boolean {
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if (code < 0x20 || code === 0x7f) return true;
  }
  return false;
}
