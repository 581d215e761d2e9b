import { Server, type ServerCredentials, type ServerDuplexStream, status } from "@grpc/grpc-js";
import type { Clock } from "../lib/clock.ts";
import { Exchange, type ExchangeDeps, OutOfOrderError } from "./exchange.ts";
import { widenConnectionWindow, widenStreamWindow } from "./flow-window.ts";
import { healthImplementation } from "./health.ts";
import type { HostMessage, PickerMessage } from "./messages.ts";
import { loadExternalProcessor, loadHealth } from "./protos.ts";

/** What a gRPC server of this picker needs. */
export interface GrpcServerOptions {
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  readonly credentials: ServerCredentials;
  readonly clock: Clock;
}

/** A listening gRPC server. */
export interface GrpcServer {
  readonly port: number;
  /** Stops taking streams, waits up to `graceMs` for open ones, then cuts the rest. */
  close(graceMs: number): Promise<void>;
}

/** What streams need. */
export interface StreamDeps extends ExchangeDeps {
  /** Told of an error of ours that ended a request. */
  readonly streamFailed: (error: unknown) => void;
}

/** gRPC's own default (protocol 1.3): one larger message ends its stream, not the server. */
export const defaultMaxReceiveBytes = 4 * 1024 * 1024;

/** Streams of one connection at a time; a host that needs more opens another connection. */
export const maxStreamsPerConnection = 1024;

/**
 * Serves `envoy.service.ext_proc.v3.ExternalProcessor`, one exchange a stream, and gRPC health on the same port. Rejects when
 * the port cannot be had.
 */
export async function startExtProcServer(
  options: GrpcServerOptions & { readonly maxReceiveBytes: number; readonly isServing: () => boolean },
  deps: StreamDeps,
): Promise<GrpcServer> {
  const server = new Server({
    "grpc.max_receive_message_length": options.maxReceiveBytes,
    "grpc.max_send_message_length": -1,
    "grpc.max_concurrent_streams": maxStreamsPerConnection,
  });
  server.addService(loadExternalProcessor(), {
    Process: (call: ServerDuplexStream<HostMessage, PickerMessage>) => serveStream(call, deps),
  });
  server.addService(loadHealth(), healthImplementation(options.isServing));
  return listen(server, options);
}

/** Serves gRPC health alone. */
export async function startHealthServer(options: GrpcServerOptions, isServing: () => boolean): Promise<GrpcServer> {
  const server = new Server();
  server.addService(loadHealth(), healthImplementation(isServing));
  return listen(server, options);
}

/** One stream is one exchange; whatever way the stream ends, the exchange ends with it, once. */
function serveStream(call: ServerDuplexStream<HostMessage, PickerMessage>, deps: StreamDeps): void {
  const exchange = new Exchange(
    deps,
    (message) => call.write(message),
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
  call.on("error", () => exchange.end());
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
  exchange.end();
  const code = isTheirs ? status.INVALID_ARGUMENT : status.INTERNAL;
  const details = isTheirs ? error.message : "the picker failed to process the stream";
  call.emit("error", Object.assign(new Error(details), { code, details }));
}

async function listen(server: Server, options: GrpcServerOptions): Promise<GrpcServer> {
  widenStreamWindow(server);
  const port = await new Promise<number>((resolve, reject) => {
    const address = `${options.host.includes(":") ? `[${options.host}]` : options.host}:${options.port}`;
    server.bindAsync(address, options.credentials, (error, bound) => {
      if (error === null) resolve(bound);
      else reject(new Error(`Cannot listen on ${address}: ${error.message}`, { cause: error }));
    });
  });
  widenConnectionWindow(server);
  return { port, close: (graceMs) => closeServer(server, graceMs, options.clock) };
}

async function closeServer(server: Server, graceMs: number, clock: Clock): Promise<void> {
  await new Promise<void>((resolve) => {
    const spareTheRest = clock.after(graceMs, () => {
      server.forceShutdown();
      resolve();
    });
    server.tryShutdown(() => {
      spareTheRest();
      resolve();
    });
  });
}
