// Client of Keyledger: API keys for MCP gateways.

export type { CallOptions, ChangeOptions, IdempotentOptions, Page } from "./call.js";
export { Keyledger } from "./client.js";
export type { ClientOptions, Question, Verification } from "./client.js";
export {
  ApiError,
  Conflict,
  Forbidden,
  IncompleteAnswer,
  InternalError,
  InvalidRequest,
  KeyledgerError,
  LimitReached,
  McpFailed,
  NotFound,
  RateLimited,
  RevisionMismatch,
  SecretLost,
  Unauthorized,
  Unavailable,
  UnexpectedAnswer,
  Unreachable,
} from "./errors.js";
export type * from "./generated.js";
export { NO_RETRIES } from "./retries.js";
export type { Retries } from "./retries.js";
export { isWellFormed, Secret, sha256Of } from "./secret.js";
export { VERSION } from "./version.js";
