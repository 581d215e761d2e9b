import type { EndpointSpec } from "../datastore/endpoint.ts";
import { builtInModelServers, type ModelServerMetrics } from "./model-servers.ts";

/** How the model server of an endpoint is known. */
export interface EngineChoice {
  /** Label of an endpoint that names its model server. */
  readonly engineLabelKey: string;
  /** Name for endpoints without a label, or with one that no model server has. */
  readonly defaultEngine: string;
  /** Model servers beside the built-in ones; one with the name of a built-in takes its place. */
  readonly engines: readonly ModelServerMetrics[];
}

/** Which model server an endpoint is taken for, and why. */
export interface EngineMatch {
  readonly metrics: ModelServerMetrics;
  /** The label that was looked at; undefined: the endpoint has none and is read as the default. */
  readonly label: { readonly key: string; readonly value: string } | undefined;
  /** The label names a model server that there is; else the default is used. */
  readonly isLabelKnown: boolean;
}

/** Which metrics the page of an endpoint has. */
export interface Engines {
  /** The same object for the same model server, whatever the endpoint. */
  readonly of: (endpoint: Pick<EndpointSpec, "labels">) => ModelServerMetrics;
  /** The same with the reason. */
  readonly match: (endpoint: Pick<EndpointSpec, "labels">) => EngineMatch;
  /** All of them by name, the configured ones first. */
  readonly byName: ReadonlyMap<string, ModelServerMetrics>;
}

/** Label that the reference picker reads when the one of the config is absent or empty (protocol 5.1, 10.9). */
const legacyLabelKey = "inference.networking.k8s.io/engine-type";

/** Resolves labels to metrics. Throws a TypeError when there is no model server of the default's name. */
export function createEngines({ engineLabelKey, defaultEngine, engines }: EngineChoice): Engines {
  const own = new Set(engines.map(({ engine }) => engine));
  const all = [...engines, ...builtInModelServers.filter(({ engine }) => !own.has(engine))];
  const byName = new Map(all.map((metrics) => [metrics.engine, metrics]));
  const fallback = byName.get(defaultEngine);
  if (fallback === undefined) {
    const names = [...byName.keys()].join(", ");
    throw new TypeError(`Cannot use engine "${defaultEngine}" as default: no such engine, expected one of ${names}`);
  }
  const match = ({ labels }: Pick<EndpointSpec, "labels">): EngineMatch => {
    const key = labelOf(labels, engineLabelKey) === "" ? legacyLabelKey : engineLabelKey;
    const value = labelOf(labels, key);
    const named = byName.get(value);
    const label = value === "" ? undefined : { key, value };
    return { metrics: named ?? fallback, label, isLabelKnown: named !== undefined };
  };
  return { of: (endpoint) => match(endpoint).metrics, match, byName };
}

function labelOf(labels: EndpointSpec["labels"], key: string): string {
  return Object.hasOwn(labels, key) ? (labels[key] ?? "") : "";
}
