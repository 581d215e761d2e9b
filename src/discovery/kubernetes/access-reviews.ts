import { createHmac, randomBytes } from "node:crypto";
import type { Clock } from "../../lib/clock.ts";
import { LruMap } from "../../lib/lru-map.ts";
import type { ApiServer } from "./api-server.ts";
import { at, listAt, textAt } from "./json-fields.ts";
import { faultOfConnection, faultOfStatus, type ReflectorFault } from "./reflector-fault.ts";

/** Whether somebody may read a page. */
export type AccessVerdict =
  | { readonly kind: "allowed" }
  /** The token is nobody's. */
  | { readonly kind: "unauthenticated" }
  /** `user` is known and has no right to this. */
  | { readonly kind: "forbidden"; readonly user: string }
  /** Nobody can say at the moment. */
  | { readonly kind: "unavailable"; readonly reason: string };

/** What reviews need. */
export interface AccessReviewOptions {
  readonly api: ApiServer;
  readonly clock: Clock;
  /** Told of every review that got no usable answer. */
  readonly onFailed: (fault: ReflectorFault) => void;
}

/** How long an answer holds. */
const allowedMs = 60_000;
const refusedMs = 10_000;
/** Answers that are kept. */
const maxAnswers = 1000;
/** Reviews under way; a flood of made-up tokens must not become one at the API server. */
const maxReviews = 16;
const timeoutMs = 5000;
/** Longer ones are nobody's. */
const maxTokenLength = 16 * 1024;

interface Answer {
  readonly verdict: AccessVerdict;
  readonly untilMs: number;
}

/**
 * Asks the API server who a bearer token is and whether they may `get` a path (TokenReview, then SubjectAccessReview; protocol
 * 7.1). Answers hold for a minute, refusals for ten seconds, whether or not the API server is there; of a token only a keyed
 * hash is kept. Who asks the same while a review is under way gets its answer.
 */
export class AccessReviews {
  readonly #options: AccessReviewOptions;
  readonly #hashKey = randomBytes(32);
  readonly #answers = new LruMap<string, Answer>(maxAnswers);
  readonly #underWay = new Map<string, Promise<AccessVerdict>>();

  constructor(options: AccessReviewOptions) {
    this.#options = options;
  }

  /** `path` is that of the URL, without a query. Never rejects. */
  async authorize(token: string, path: string): Promise<AccessVerdict> {
    if (token === "" || token.length > maxTokenLength) return { kind: "unauthenticated" };
    const key = createHmac("sha256", this.#hashKey).update(`${token}\n${path}`).digest("base64");
    const known = this.#answers.get(key);
    if (known !== undefined && this.#options.clock.nowMs() < known.untilMs) return known.verdict;
    const underWay = this.#underWay.get(key);
    if (underWay !== undefined) return underWay;
    if (this.#underWay.size >= maxReviews) return { kind: "unavailable", reason: "too many reviews are under way" };
    const review = this.#review(token, path).finally(() => this.#underWay.delete(key));
    this.#underWay.set(key, review);
    const verdict = await review;
    this.#keep(key, verdict);
    return verdict;
  }

  /** What is kept: hashes, never tokens. */
  get keys(): readonly string[] {
    return Array.from(this.#answers.entries(), ([key]) => key);
  }

  #keep(key: string, verdict: AccessVerdict): void {
    if (verdict.kind === "unavailable") return;
    const forMs = verdict.kind === "allowed" ? allowedMs : refusedMs;
    this.#answers.set(key, { verdict, untilMs: this.#options.clock.nowMs() + forMs });
  }

  async #review(token: string, path: string): Promise<AccessVerdict> {
    try {
      const status = await this.#create("authentication.k8s.io", "TokenReview", { token });
      if (at(status, "authenticated") !== true) return { kind: "unauthenticated" };
      const user = textAt(status, "user", "username") ?? "";
      const answer = await this.#create("authorization.k8s.io", "SubjectAccessReview", {
        user,
        uid: textAt(status, "user", "uid") ?? "",
        groups: listAt(status, "user", "groups"),
        extra: at(status, "user", "extra") ?? {},
        nonResourceAttributes: { path, verb: "get" },
      });
      return at(answer, "allowed") === true ? { kind: "allowed" } : { kind: "forbidden", user };
    } catch (error) {
      const fault = error as ReflectorFault;
      this.#options.onFailed(fault);
      return { kind: "unavailable", reason: `the API server gave no answer (${fault.reason})` };
    }
  }

  /** Returns the `status` of a review; throws a `ReflectorFault`. */
  async #create(group: string, kind: string, spec: unknown): Promise<unknown> {
    const path = `/apis/${group}/v1/${kind.toLowerCase()}s`;
    const body = { apiVersion: `${group}/v1`, kind, spec };
    const reply = await this.#options.api.ask({ method: "POST", path, body, timeoutMs }).catch((error: unknown) => {
      throw faultOfConnection(error);
    });
    if (reply.status !== 201 && reply.status !== 200) throw faultOfStatus(`create ${kind}`, reply);
    return at(reply.body, "status");
  }
}
