import type { CertificateObserver } from "../extproc/serving-certificate.ts";
import type { Logger } from "./logger.ts";
import type { MetricsRegistry } from "./registry.ts";

/** Tells of the certificate of the ext_proc port; a pair that cannot be used is an error somebody must act on. */
export function observeCertificate(registry: MetricsRegistry, logger: Logger): CertificateObserver {
  const { certificateExpiry, certificateReloads } = registry.metrics;
  return {
    serving: (origin, expiresAtMs) => {
      certificateExpiry.set({ origin }, expiresAtMs / 1000);
      if (origin === "self-signed") {
        logger.warn({}, "Serving ext_proc with a self-signed certificate: hosts cannot verify it");
      }
    },
    reloaded: (problem) => {
      certificateReloads.inc({ outcome: problem === undefined ? "ok" : "rejected" });
      if (problem === undefined) logger.info({}, "Certificate reloaded: new connections get it");
      else logger.error({ problem }, "Certificate not usable, the last good one stays");
    },
  };
}
