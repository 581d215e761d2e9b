import { z } from "../lib/schema.ts";

/** The API group that configs are written for. */
export const apiVersion = "llm-d.ai/v1alpha1";
/** The group's former name, accepted with a warning. */
export const deprecatedApiVersion = "inference.networking.x-k8s.io/v1alpha1";

/** `{pluginRef}`: names an entry of `plugins`. */
export const reference = z.strictObject({ pluginRef: z.string().min(1) });

/** An entry of `plugins`. Its parameters are checked by the plugin's own schema. */
export const pluginEntry = z.strictObject({
  name: z.string().nullish(),
  type: z.string().min(1),
  parameters: z.unknown().optional(),
});

/** An entry of a profile's `plugins`. */
export const profilePlugin = z.strictObject({ pluginRef: z.string().min(1), weight: z.number().optional() });

/** An entry of `schedulingProfiles`. */
export const profileEntry = z.strictObject({ name: z.string().min(1), plugins: z.array(profilePlugin).nullish() });

/** An entry of `dataLayer.sources`. */
export const dataSource = z.strictObject({
  pluginRef: z.string().min(1),
  extractors: z.array(reference).nullish(),
});

const dataLayer = z.strictObject({
  injectDefaults: z.boolean().nullish(),
  sources: z.array(dataSource).nullish(),
  discovery: reference.nullish(),
  peerDiscovery: reference.nullish(),
  crossReplicaSyncerPluginRef: z.string().nullish(),
  crossReplicaSyncInterval: z.unknown().optional(),
});

const priorityBand = {
  maxBytes: z.unknown().optional(),
  maxRequests: z.unknown().optional(),
  fairnessPolicyRef: z.string().nullish(),
  orderingPolicyRef: z.string().nullish(),
};

/** Only the names are checked: nothing here has an effect yet. */
const flowControl = z.strictObject({
  maxBytes: z.unknown().optional(),
  maxRequests: z.unknown().optional(),
  defaultRequestTTL: z.unknown().optional(),
  noEndpointRequestTTL: z.unknown().optional(),
  defaultPriorityBand: z.strictObject({ priority: z.int().optional(), ...priorityBand }).nullish(),
  defaultNegativePriorityBand: z.strictObject({ priority: z.int().optional(), ...priorityBand }).nullish(),
  priorityBands: z.array(z.strictObject({ priority: z.int(), ...priorityBand })).nullish(),
  usageLimitPolicyPluginRef: z.string().nullish(),
  saturationDetector: reference.nullish(),
  enableEviction: z.boolean().nullish(),
});

/** The fields of an EndpointPickerConfig (protocol 6.1). Strict at every level: an unknown field is a problem. */
export const configSchema = z.strictObject({
  apiVersion: z.enum([apiVersion, deprecatedApiVersion]),
  kind: z.literal("EndpointPickerConfig"),
  featureGates: z.array(z.string()).nullish(),
  plugins: z.array(pluginEntry).nullish(),
  schedulingProfiles: z.array(profileEntry).nullish(),
  dataLayer: dataLayer.nullish(),
  flowControl: flowControl.nullish(),
  requestHandler: z.strictObject({ parsers: z.array(reference).nullish() }).nullish(),
  parser: reference.nullish(),
  saturationDetector: reference.nullish(),
});
