import type { sendUnaryData, ServerUnaryCall, UntypedServiceImplementation } from "@grpc/grpc-js";

/** Numbers of `HealthCheckResponse.ServingStatus`. */
const servingStatus = { serving: 1, notServing: 2 } as const;

/** The names that health is told for; any other name gets the same answer (protocol 7.2, no leader election). */
export const healthServices = ["", "liveness", "readiness", "envoy.service.ext_proc.v3.ExternalProcessor"] as const;

/** `grpc.health.v1.Health` over one question: is this picker ready for traffic? Zero endpoints count as ready. */
export function healthImplementation(isServing: () => boolean): UntypedServiceImplementation {
  const status = (): { status: number } => ({
    status: isServing() ? servingStatus.serving : servingStatus.notServing,
  });
  return {
    Check: (_call: ServerUnaryCall<unknown, unknown>, answer: sendUnaryData<unknown>) => answer(null, status()),
    List: (_call: ServerUnaryCall<unknown, unknown>, answer: sendUnaryData<unknown>) =>
      answer(null, { statuses: Object.fromEntries(healthServices.map((name) => [name, status()])) }),
  };
}
