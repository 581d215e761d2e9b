import { Server, type ServerCredentials, type ServerDuplexStream, status } from "@grpc/grpc-js";
import type { Clock } from "../lib/clock.ts";
import { Connections } from "./connections.ts";
import { drain, type DrainLimits, type DrainReport, OpenStreams } from "./drain.ts";
import { Exchange, type ExchangeDeps, OutOfOrderError } from "./exchange.ts";
import { widenConnectionWindow, widenStreamWindow } from "./flow-window.ts";
import { http2ServersOf } from "./grpc-internals.ts";
import type { Health } from "./health.ts";
import { liftResetLimit } from "./reset-limit.ts";
import type { HostMessage, PickerMessage } from "./messages.ts";
import { Outbox } from "./outbox.ts";
import { loadExternalProcessor, loadHealth } from "./protos.ts";
import { type StreamObserver, watchStream } from "./stream-watch.ts";

/** What a gRPC server of this picker needs. */
export interface GrpcServerOptions {
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  readonly credentials: ServerCredentials;
  readonly clock: Clock;
  /** Served beside whatever else the server serves. */
  readonly health: Health;
  /** Told of every connection that was taken. */
  readonly connected?: () => void;
}

/** A listening gRPC server. */
export interface GrpcServer {
  readonly port: number;
  /** Stops as `drain` does, at once where no limits are given. `hurry` shortens it. */
  close(limits?: DrainLimits, hurry?: AbortSignal): Promise<DrainReport>;
}

/** What streams need. */
export interface StreamDeps extends ExchangeDeps {
  /** Told of an error of ours that ended a request. */
  readonly streamFailed: (error: unknown) => void;
  /** Told of every stream's beginning and end; default: nobody is. */
  readonly streamObserver?: StreamObserver | undefined;
}

/** gRPC's own default (protocol 1.3): one larger message ends its stream, not the server. */
export const defaultMaxReceiveBytes = 4 * 1024 * 1024;

/** Streams of one connection at a time; a host that needs more opens another connection. */
export const maxStreamsPerConnection = 1024;

/** What the ext_proc server needs besides. */
export interface ExtProcOptions {
  /** Largest message to take. */
  readonly maxReceiveBytes: number;
  /** Largest message to send; no limit when undefined. */
  readonly maxSendBytes?: number | undefined;
  /** Serve gRPC health beside; default true. */
  readonly servesHealth?: boolean | undefined;
}

/**
 * Serves `envoy.service.ext_proc.v3.ExternalProcessor`, one exchange a stream, and gRPC health on the same port unless it is not
 * wanted there. Rejects when the port cannot be had.
 */
export async function startExtProcServer(
  options: GrpcServerOptions & ExtProcOptions,
  deps: StreamDeps,
): Promise<GrpcServer> {
  const server = new Server({
    "grpc.max_receive_message_length": options.maxReceiveBytes,
    "grpc.max_send_message_length": options.maxSendBytes ?? -1,
    "grpc.max_concurrent_streams": maxStreamsPerConnection,
  });
  const streams = new OpenStreams(options.clock);
  server.addService(loadExternalProcessor(), {
    Process: (call: ServerDuplexStream<HostMessage, PickerMessage>) => {
      streams.track(call);
      if (deps.streamObserver !== undefined) watchStream(call, options.clock, deps.streamObserver);
      serveStream(call, deps);
    },
  });
  if (options.servesHealth !== false) server.addService(loadHealth(), options.health.implementation);
  return listen(server, options, streams);
}

/** Serves gRPC health alone. */
export async function startHealthServer(options: GrpcServerOptions): Promise<GrpcServer> {
  const server = new Server();
  server.addService(loadHealth(), options.health.implementation);
  return listen(server, options, new OpenStreams(options.clock));
}

/** One stream is one exchange; whatever way the stream ends, the exchange ends with it, once. */
function serveStream(call: ServerDuplexStream<HostMessage, PickerMessage>, deps: StreamDeps): void {
  const outbox = new Outbox(call, deps);
  const exchange = new Exchange(
    deps,
    (message) => outbox.send(message),
    () => call.end(),
  );
  call.on("data", (message: HostMessage) => {
    try {
      exchange.receive(message);
    } catch (error) {
      endAfterError(call, exchange, error, deps);
    }
  });
  call.on("end", () => {
    exchange.end();
    call.end();
  });
  call.on("cancelled", () => exchange.end());
  call.on("close", () => exchange.end());
  call.on("error", () => exchange.end("error"));
}

/** Theirs: the stream ends with INVALID_ARGUMENT. Ours: the client gets a 500 if the request is not decided yet. */
function endAfterError(
  call: ServerDuplexStream<HostMessage, PickerMessage>,
  exchange: Exchange,
  error: unknown,
  deps: StreamDeps,
): void {
  const isTheirs = error instanceof OutOfOrderError;
  if (isTheirs) deps.observer.illegalMessage("out-of-order");
  else deps.streamFailed(error);
  if (!isTheirs && exchange.fail()) return;
  exchange.end("error");
  const code = isTheirs ? status.INVALID_ARGUMENT : status.INTERNAL;
  const details = isTheirs ? error.message : "the picker failed to process the stream";
  call.emit("error", Object.assign(new Error(details), { code, details }));
}

async function listen(server: Server, options: GrpcServerOptions, streams: OpenStreams): Promise<GrpcServer> {
  widenStreamWindow(server);
  liftResetLimit(server);
  const port = await new Promise<number>((resolve, reject) => {
    const address = `${options.host.includes(":") ? `[${options.host}]` : options.host}:${options.port}`;
    server.bindAsync(address, options.credentials, (error, bound) => {
      if (error === null) resolve(bound);
      else reject(new Error(`Cannot listen on ${address}: ${error.message}`, { cause: error }));
    });
  });
  widenConnectionWindow(server);
  const { clock, credentials, health, connected } = options;
  if (connected !== undefined)
    for (const http2Server of http2ServersOf(server)) http2Server.on("connection", connected);
  const connections = new Connections(server, credentials._isSecure(), clock);
  const atOnce = { windowMs: 0, hardStopMs: 0 };
  return {
    port,
    close: (limits = atOnce, hurry) => drain({ server, streams, connections, health, clock }, limits, hurry),
  };
}
