/** An error answer in vLLM's shape. */
export interface ApiError {
  readonly status: number;
  /** vLLM's error type, such as "BadRequestError". */
  readonly type: string;
  readonly message: string;
  readonly param: string | null;
}

/** A request that cannot be read or served as asked: 400. */
export function badRequest(message: string, param: string | null = null): ApiError {
  return { status: 400, type: "BadRequestError", message, param };
}

/** A model that is neither the base model nor an adapter: 404. */
export function unknownModel(model: string): ApiError {
  return { status: 404, type: "NotFoundError", message: `The model \`${model}\` does not exist.`, param: "model" };
}

/** The error's body. */
export function errorBody({ status, type, message, param }: ApiError): string {
  return JSON.stringify({ error: { message, type, param, code: status } });
}
