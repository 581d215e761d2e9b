import type { ApiReply, ApiServer } from "./api-server.ts";
import { claimedSpec, type LeaseClaim, type LeaseRecord, readLease } from "./lease-record.ts";
import { faultOfConnection, faultOfStatus } from "./reflector-fault.ts";

/** Where a lease is, and how long it is waited for. */
export interface LeaseLocation {
  readonly api: ApiServer;
  readonly namespace: string;
  readonly name: string;
  /** Longest wait for one answer. */
  readonly timeoutMs: number;
  /** Duration of a lease that does not say its own. */
  readonly defaultDurationMs: number;
}

/** Name of the lease of a pool's pickers (protocol 7.1). */
export function leaseName(namespace: string, poolName: string): string {
  return `epp-${namespace}-${poolName}.llm-d.ai`;
}

/** The one Lease object that candidates read and write. Every method throws a `ReflectorFault` when there is no usable answer. */
export class LeaseObject {
  readonly #at: LeaseLocation;

  constructor(location: LeaseLocation) {
    this.#at = location;
  }

  /** Reads it; undefined when it is not there. */
  async read(signal: AbortSignal): Promise<LeaseRecord | undefined> {
    const reply = await this.#ask("GET", undefined, signal);
    return reply.status === 404 ? undefined : this.#record("get", reply, 200);
  }

  /** Makes it; undefined when somebody else was first. */
  async create(claim: LeaseClaim, signal: AbortSignal): Promise<LeaseRecord | undefined> {
    const { namespace, name } = this.#at;
    const spec = claimedSpec(claim, undefined);
    const object = { apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata: { name, namespace }, spec };
    const reply = await this.#ask("POST", object, signal);
    return reply.status === 409 ? undefined : this.#record("create", reply, 201);
  }

  /** Writes a claim over `before`; undefined when the lease is no longer what it was then. */
  async update(claim: LeaseClaim, before: LeaseRecord, signal: AbortSignal): Promise<LeaseRecord | undefined> {
    const { spec: old, ...rest } = before.object;
    const spec = { ...(old as object | undefined), ...claimedSpec(claim, before) };
    const reply = await this.#ask("PUT", { ...rest, spec }, signal);
    return reply.status === 409 || reply.status === 404 ? undefined : this.#record("update", reply, 200);
  }

  async #ask(method: "GET" | "POST" | "PUT", body: unknown, signal: AbortSignal): Promise<ApiReply> {
    const { api, namespace, name, timeoutMs } = this.#at;
    const collection = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`;
    const path = method === "POST" ? collection : `${collection}/${name}`;
    try {
      return await api.ask({ method, path, timeoutMs, signal, ...(body === undefined ? {} : { body }) });
    } catch (error) {
      throw faultOfConnection(error);
    }
  }

  #record(verb: string, reply: ApiReply, expected: number): LeaseRecord {
    const { namespace, name, defaultDurationMs } = this.#at;
    const lease = `${verb} lease "${namespace}/${name}"`;
    if (reply.status !== expected && reply.status !== 200) throw faultOfStatus(lease, reply);
    const record = readLease(reply.body, defaultDurationMs);
    if (record === undefined) throw faultOfStatus(`${lease}, not a Lease`, reply);
    return record;
  }
}
