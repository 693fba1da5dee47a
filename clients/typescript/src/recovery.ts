// Replacement of a secret whose response was lost: another rotation, because no caller has the lost secret.

import type { Call } from "./call.js";
import { pathOf } from "./call.js";
import { SecretLost } from "./errors.js";

const TIMES_MAX = 3;

export interface Recovery {
  /** Return the loss, if this is a replayed response without its secret. */
  readonly lossIn: (data: Record<string, unknown>) => SecretLost | undefined;
  /** Return the call that gets another secret. */
  readonly instead: (call: Call, lost: SecretLost) => Call;
  /** Whether the loss is an error for a caller who chose the Idempotency-Key. Otherwise the secret is null. */
  readonly isError: boolean;
  /** How often a lost response to the replacement is replaced in turn. */
  readonly times: number;
}

const ofKey: Pick<Recovery, "lossIn" | "isError" | "times"> = {
  lossIn: (data) => (data["key"] === null ? lossOf(data) : undefined),
  isError: true,
  times: TIMES_MAX,
};

/** The secret of Slack is its URL, so such a webhook never has another one. */
const ofWebhook: typeof ofKey = {
  lossIn: (data) => (data["secret"] === null && data["kind"] === "standard" ? lossOf(data) : undefined),
  isError: false,
  times: TIMES_MAX,
};

export const rotateKeyAgain: Recovery = {
  ...ofKey,
  // The rotation whose response was lost has made the revision that the next rotation must match.
  instead: (call, lost) => ({
    ...call,
    options: { ...call.options, ifMatch: call.options?.ifMatch === undefined ? undefined : lost.revision },
  }),
};

export const rotateCreatedKey: Recovery = {
  ...ofKey,
  instead: (call, lost) => ({ ...call, path: pathOf`/v1/api-keys/${lost.keyId}/rotate`, body: { overlap_seconds: 0 } }),
};

export const rotateWebhookAgain: Recovery = {
  ...ofWebhook,
  instead: rotateKeyAgain.instead,
};

export const rotateCreatedWebhook: Recovery = {
  ...ofWebhook,
  instead: (call, lost) => ({ ...call, path: pathOf`/v1/webhooks/${lost.keyId}/rotate`, body: { overlap_seconds: 0 } }),
};

/** Return the call that replaces the lost secret. It can be replaced in turn, but not endlessly. */
export function replacement(recovery: Recovery, call: Call, lost: SecretLost): Call {
  return { ...recovery.instead(call, lost), recovery: { ...recovery, times: recovery.times - 1 } };
}

function lossOf(data: Record<string, unknown>): SecretLost {
  return new SecretLost(String(data["id"]), Number(data["revision"]));
}
