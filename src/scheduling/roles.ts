import type { Endpoint } from "../datastore/endpoint.ts";
import type { InferenceRequest } from "../request/inference-request.ts";
import type { Denial } from "./denial.ts";
import type { Cycle, Removing } from "./plugin.ts";

/** Takes endpoints out before anything is learned or rated; when none is left the request is answered with 503. */
export interface Screener extends Removing {
  /** Returns those that stay, in their order. */
  screen(cycle: Cycle, endpoints: readonly Endpoint[]): readonly Endpoint[];
}

/** Decides whether a request may be scheduled; asked after the producers, in the order of the config, until one denies. */
export interface Admitter {
  admit(cycle: Cycle, endpoints: readonly Endpoint[]): Denial | undefined;
}

/** Header names in lower case with their values, in order. */
export type HeaderPairs = readonly (readonly [name: string, value: string])[];

/** Adds to a request that has its endpoint. All preparers are asked, also after one denied. */
export interface Preparer {
  /** Headers to set on the request, or why it cannot go. */
  prepare(cycle: Cycle, picked: Endpoint): HeaderPairs | Denial;
}

/** Tokens that a response reports; undefined where it does not say. */
export interface ReportedUsage {
  readonly promptTokens: number | undefined;
  readonly completionTokens: number | undefined;
  readonly totalTokens: number;
  readonly cachedTokens: number | undefined;
}

/** What is known of a response when a responder is asked. */
export interface ResponseFacts {
  /** The request, without its prompt. */
  readonly request: InferenceRequest;
  /** The endpoint that was picked, or the one that the host says served in its place. */
  readonly endpoint: Endpoint;
  /** `ip:port` that the host says served; undefined when it does not say. */
  readonly servedAddress: string | undefined;
  readonly status: number | undefined;
  /** Only at the response's end. */
  readonly usage: ReportedUsage | undefined;
}

/** Metadata for the host by namespace, then by key. */
export type ResponseMetadata = Readonly<Record<string, Readonly<Record<string, string | number | boolean>>>>;

/** Adds to the response of a request. */
export interface Responder {
  /** Headers to set on the response, asked when its headers come. */
  headers?(response: ResponseFacts): HeaderPairs;
  /** Metadata for the host, asked at the response's end and sent with the last answer (protocol 1.7). */
  metadata?(response: ResponseFacts): ResponseMetadata | undefined;
}

/** Rates how full a set of endpoints is (protocol 6.8). */
export interface Detector {
  /** 0 idle, 1 full, more: beyond; `endpoints` holds at least one. */
  saturation(endpoints: readonly Endpoint[]): number;
  /** Requests that the saturation stands for: as they end it falls in proportion. At least 0, NaN when not known. */
  load(endpoints: readonly Endpoint[]): number;
}
