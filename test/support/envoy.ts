import { EnvoyUnavailableError, findEnvoy } from "../../src/envoy/binary.ts";

const found = await findEnvoy(process.env).catch((error: unknown) => {
  if (error instanceof EnvoyUnavailableError) return undefined;
  throw error;
});

/** Path of the Envoy that tests run; "" when the machine has none. */
export const envoyPath: string = found?.path ?? "";

/** For the option `skip` of a test that needs Envoy. */
export const skipWithoutEnvoy: string | false =
  found === undefined ? "Envoy not found: set ENVOY_BIN, or install it with `npm run setup -- --envoy`" : false;
