import type { TestPicker } from "./a-picker.ts";
import { type Answer, type HeaderPairs, setHeaders } from "./ext-proc-client.ts";

/** Headers of a completion as Envoy sends them. */
export const completionHeaders: HeaderPairs = [
  [":method", "POST"],
  [":path", "/v1/completions"],
  [":authority", "llm.example"],
  ["content-type", "application/json"],
  ["x-request-id", "request-1"],
];

/** A completions body. */
export function completion(model: string, prompt = "What is a gateway?", more: object = {}): string {
  return JSON.stringify({ model, prompt, ...more });
}

/** Answers to one whole request; the stream stays open. */
export async function requestAnswers(
  picker: TestPicker,
  body: string,
  headers: HeaderPairs = completionHeaders,
): Promise<Answer[]> {
  const stream = picker.open();
  stream.requestHeaders(headers).requestBody(body);
  const answers = await stream.until(isLastOfRequest);
  await stream.close();
  return answers;
}

/** The destination of a request, or the status of its refusal. */
export async function destinationOf(
  picker: TestPicker,
  body: string,
  headers: HeaderPairs = completionHeaders,
): Promise<string | number | undefined> {
  const [first] = await requestAnswers(picker, body, headers);
  if (first?.immediate_response !== undefined) return first.immediate_response.status?.code;
  return setHeaders(first as Answer)["x-gateway-destination-endpoint"];
}

/** The answer that ends the request phase: the last piece of the body, or a refusal. */
export function isLastOfRequest(answer: Answer): boolean {
  if (answer.immediate_response !== undefined) return true;
  return answer.request_body?.response?.body_mutation?.streamed_response?.end_of_stream === true;
}
