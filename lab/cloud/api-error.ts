/** An answer of the API that is an error: its code decides everything, for clients go by the code. */

/** HTTP status of each code; what is not here is 422, as the API has it for what it understood and does not do. */
const statusOf: Readonly<Record<string, number>> = {
  json_error: 400,
  unauthorized: 401,
  forbidden: 403,
  token_readonly: 403,
  resource_limit_exceeded: 403,
  not_found: 404,
  conflict: 409,
  uniqueness_error: 409,
  resource_unavailable: 412,
  placement_error: 412,
  server_not_stopped: 412,
  locked: 423,
  protected: 423,
  rate_limit_exceeded: 429,
  server_error: 500,
  unknown_error: 500,
  service_error: 503,
  unsupported_error: 501,
  bad_gateway: 502,
  maintenance: 503,
  timeout: 504,
};

/** One field that was refused, and why. */
export interface FieldFault {
  readonly name: string;
  readonly messages: readonly string[];
}

export class ApiError extends Error {
  readonly code: string;
  readonly status: number;
  readonly details: unknown;

  /** @param status only where an injected fault wants another one than the code's own */
  constructor(code: string, message: string, details: unknown = null, status?: number) {
    super(message);
    this.name = "ApiError";
    this.code = code;
    this.status = status ?? statusOf[code] ?? 422;
    // The real API sends details with every invalid_input; a client may count on the list being there.
    this.details = code === "invalid_input" && details === null ? { fields: [] } : details;
  }

  /** The answer's body. */
  get body(): object {
    return { error: { code: this.code, message: this.message, details: this.details } };
  }
}

export function invalidInput(fields: readonly FieldFault[]): ApiError {
  const named = fields.map(({ name }) => `'${name}'`).join(", ");
  return new ApiError("invalid_input", `invalid input in field ${named}`, { fields });
}

export function invalidField(name: string, message: string): ApiError {
  return invalidInput([{ name, messages: [message] }]);
}

export function notFound(kind: string, id: number | string): ApiError {
  return new ApiError("not_found", `${kind} with ID '${id}' not found`);
}

export function notUnique(field: string, message = `${field} is already used`): ApiError {
  return new ApiError("uniqueness_error", message, { fields: [{ name: field }] });
}
