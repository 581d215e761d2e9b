import type { ReviewHandler } from "./fake-api-server.ts";

interface SelfReview {
  readonly spec?: {
    readonly resourceAttributes?: {
      readonly verb: string;
      readonly group: string;
      readonly resource: string;
      readonly name?: string;
    };
  };
}

/** The service account of a test's picker. */
export const pickerUser = "system:serviceaccount:ns:picker";

/** Answers who asks, and grants all rights but those of `denied`: `VERB PLURAL`, `VERB PLURAL.GROUP`, or `PLURAL`. */
export function grantAllBut(denied: readonly string[] = []): ReviewHandler {
  return (review, plural) => {
    if (plural === "selfsubjectreviews") return { ...review, status: { userInfo: { username: pickerUser } } };
    const { verb = "", group = "", resource = "" } = (review as SelfReview).spec?.resourceAttributes ?? {};
    const names = [resource, `${verb} ${resource}`, `${verb} ${resource}.${group}`];
    return { ...review, status: { allowed: !names.some((name) => denied.includes(name)) } };
  };
}
