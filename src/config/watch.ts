import type { Clock } from "../lib/clock.ts";
import type { Problem } from "../lib/document.ts";
import { PolledFile, UnusableFileError } from "../lib/polled-file.ts";
import type { CompiledConfig, LoadedConfig } from "./load.ts";

/** A config file to keep in force. */
export interface WatchedConfig {
  readonly path: string;
  /** Loads a text as the first one was loaded. */
  readonly load: (text: string) => LoadedConfig;
  /** Time between two looks at the file; default 1000. */
  readonly pollMs?: number;
}

/** Who takes over a changed config, and who hears of it. */
export interface ConfigWatchOptions extends WatchedConfig {
  /** The config in force at the start, of this very file. */
  readonly config: CompiledConfig;
  readonly clock: Clock;
  /** Puts a config into force; throws, having changed nothing, when it cannot be. */
  readonly replace: (config: CompiledConfig) => void;
  readonly onReplaced: (config: CompiledConfig, warnings: readonly Problem[]) => void;
  /** Told once of each content that cannot be used; the last good config stays. */
  readonly onRejected: (message: string) => void;
}

/**
 * Watches a config file from now on. A changed text is compiled aside and put into force in one step between two requests;
 * a text that means the config in force changes nothing. Rejects when the file cannot be read any more or has changed to
 * one that cannot be used.
 */
export async function watchConfig(options: ConfigWatchOptions): Promise<{ readonly close: () => void }> {
  const { path, load, pollMs, clock, replace, onReplaced, onRejected } = options;
  let { revision } = options.config;
  let warnings: readonly Problem[] = [];
  let replaced: CompiledConfig | undefined;
  const take = (text: string): void => {
    replaced = undefined;
    const loaded = load(text);
    if (loaded.kind === "invalid") throw new UnusableFileError("config", path, loaded.problems);
    if (loaded.config.revision === revision) return;
    replace(loaded.config);
    ({ revision } = loaded.config);
    ({ warnings } = loaded);
    replaced = loaded.config;
  };
  const onTaken = (): void => {
    if (replaced !== undefined) onReplaced(replaced, warnings);
  };
  const polled = new PolledFile({ what: "config", path, clock, pollMs, take, onTaken, onRejected });
  await polled.read();
  onTaken();
  polled.watch();
  return { close: () => polled.close() };
}
