import type { ApiServer } from "./api-server.ts";
import { askObject } from "./ask-object.ts";
import { at, textAt } from "./json-fields.ts";
import type { NeededRight } from "./needed-rights.ts";
import { ReflectorFault } from "./reflector-fault.ts";

/** Whether the API server grants a right; undefined: it does not say. */
export interface AnsweredRight extends NeededRight {
  readonly isGranted: boolean | undefined;
}

/** What the API server says of rights; `problem` is that of the first question without an answer. */
export interface RightsAnswer {
  readonly rights: readonly AnsweredRight[];
  readonly problem: string | undefined;
}

/** Questions under way. */
const maxAsked = 8;

/**
 * The name that the API server has for whoever asks (SelfSubjectReview, Kubernetes 1.28); undefined when it does not say.
 * Throws a `ReflectorFault` when nobody answers or the credentials are refused.
 */
export async function askOwnName(api: ApiServer): Promise<string | undefined> {
  const body = { apiVersion: "authentication.k8s.io/v1", kind: "SelfSubjectReview" };
  const path = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
  try {
    const review = await askObject(api, "create SelfSubjectReview", { method: "POST", path, body });
    return textAt(review, "status", "userInfo", "username");
  } catch (error) {
    if (error instanceof ReflectorFault && ["absent", "forbidden"].includes(error.reason)) return undefined;
    throw error;
  }
}

/** Asks for each right whether whoever asks has it (SelfSubjectAccessReview). Never rejects. */
export async function askOwnRights(api: ApiServer, needed: readonly NeededRight[]): Promise<RightsAnswer> {
  const rights: AnsweredRight[] = needed.map((right) => ({ ...right, isGranted: undefined }));
  let problem: string | undefined;
  let next = 0;
  const askNext = async (): Promise<void> => {
    for (let i = next++; i < needed.length; i = next++) {
      const right = needed[i];
      if (right === undefined) return;
      try {
        rights[i] = { ...right, isGranted: await askRight(api, right) };
      } catch (error) {
        problem ??= (error as Error).message;
      }
    }
  };
  await Promise.all(Array.from({ length: maxAsked }, askNext));
  return { rights, problem };
}

async function askRight(api: ApiServer, right: NeededRight): Promise<boolean> {
  const { verb, group, resource, name, namespace } = right;
  const kind = "SelfSubjectAccessReview";
  const body = {
    apiVersion: "authorization.k8s.io/v1",
    kind,
    spec: { resourceAttributes: { verb, group, resource, name, namespace } },
  };
  const path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
  const review = await askObject(api, `create ${kind}`, { method: "POST", path, body });
  const isAllowed = at(review, "status", "allowed");
  if (typeof isAllowed === "boolean") return isAllowed;
  throw new Error(`create ${kind}: found no status.allowed, expected true or false`);
}
