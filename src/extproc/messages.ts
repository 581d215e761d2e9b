import type { HeaderList } from "./header-list.ts";

/** Body modes of `ProcessingMode.BodySendMode`, by their number on the wire. */
export const bodyModes = ["none", "streamed", "buffered", "buffered-partial", "full-duplex-streamed", "grpc"] as const;
export type BodyMode = (typeof bodyModes)[number];

/** A metadata value (google.protobuf.Struct) as plain data. */
export type MetadataValue = null | number | string | boolean | MetadataValue[] | { [key: string]: MetadataValue };
/** Metadata by namespace, then by key. */
export type Metadata = Record<string, Record<string, MetadataValue>>;

/** What a host says in one message of the stream. `phase` tells the request's way from the response's. */
export type HostEvent =
  | { readonly kind: "headers"; readonly phase: Phase; readonly headers: HeaderList; readonly endOfStream: boolean }
  | { readonly kind: "body"; readonly phase: Phase; readonly body: Buffer; readonly endOfStream: boolean }
  | { readonly kind: "trailers"; readonly phase: Phase }
  | { readonly kind: "unknown" };

export type Phase = "request" | "response";

/** One decoded `ProcessingRequest`. */
export interface HostMessage {
  readonly event: HostEvent;
  /** `metadata_context.filter_metadata`; undefined when the message carries none. */
  readonly metadata: Metadata | undefined;
  /** The host only mirrors traffic and takes no answer. */
  readonly observabilityMode: boolean;
  /** Only in the first message of a stream, and only from hosts that know the field. */
  readonly protocolConfig: { readonly requestBodyMode: BodyMode; readonly responseBodyMode: BodyMode } | undefined;
}

/** Headers to overwrite or add, in order, and names to remove. */
export interface HeaderMutation {
  readonly set: readonly (readonly [name: string, value: string])[];
  readonly remove: readonly string[];
}

/** What the picker answers: one `ProcessingResponse`. */
export type PickerMessage =
  | {
      readonly kind: "headers";
      readonly phase: Phase;
      readonly mutation?: HeaderMutation;
      readonly clearRouteCache?: boolean;
      readonly dynamicMetadata?: Metadata;
    }
  | {
      readonly kind: "streamed-body";
      readonly phase: Phase;
      readonly body: Uint8Array;
      readonly endOfStream: boolean;
      readonly dynamicMetadata?: Metadata;
    }
  /** Answer to a body outside full duplex: the body stays as it is unless `body` replaces it. */
  | {
      readonly kind: "body";
      readonly phase: Phase;
      readonly body?: Uint8Array;
      readonly mutation?: HeaderMutation;
      readonly clearRouteCache?: boolean;
      readonly dynamicMetadata?: Metadata;
    }
  | { readonly kind: "trailers"; readonly phase: Phase; readonly dynamicMetadata?: Metadata }
  | {
      readonly kind: "immediate";
      /** HTTP status. */
      readonly status: number;
      readonly headers: readonly (readonly [name: string, value: string])[];
      readonly body: string;
      /** Goes into the host's access log as response code detail; no spaces. */
      readonly details: string;
    };
