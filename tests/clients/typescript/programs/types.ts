// Compiled, but not run: programs that use the client have the types of the OpenAPI document.

import { Keyledger, NotFound, Secret } from "keyledger";
import type { CreatedKey, CreateKeyBody, ListedKey, NamedMcp, Page, Verification, WebhookWithSecret } from "keyledger";
import { requiresKey, verificationOf } from "keyledger/express";
import { checkRequest, requiresKey as handler } from "keyledger/fetch";
import express from "express";
import type { Request as NodeRequest } from "express";

const client = new Keyledger(process.env["KEYLEDGER_URL"], new Secret("pk_live_…"), { retries: { attempts: 2 } });

const created: CreatedKey = await client.keys.create({ name: "x", expires_in_days: 3, expires_at: new Date() });
const secret: Secret = created.key;
const text: string = created.key.reveal();
const page: Page<ListedKey> = await client.keys.list({ per_page: 3, status: "active" });
const keys: AsyncGenerator<ListedKey> = client.keys.iterate();
const names: NamedMcp[] = await client.mcps.listNames();
const webhook: WebhookWithSecret = await client.webhooks.create({ url: "https://x", events: ["*"] as const });
const webhookSecret: Secret | null = webhook.secret;
const verification: Verification = await client.verify(secret, { mcp_id: names[0]?.id, tool: "add" });
const pieces: AsyncGenerator<Uint8Array> = client.audit.export({ format: "csv", from: new Date() });
await client.mcps.create({ name: "x", endpoint_url: "https://x", auth_type: "bearer", auth_token: secret });
await client.keys.update("key_…", { expires_at: null }, { ifMatch: 3, idempotencyKey: "x" });

function bodyOf(description: string | undefined): CreateKeyBody {
  return { name: "x", description };
}

// @ts-expect-error -- the name is a text
await client.keys.create({ name: 3 });
// @ts-expect-error -- there is no such field
await client.keys.create({ name: "x", expires: "never" });
// @ts-expect-error -- there is no such status
await client.keys.list({ status: "lost" });
// @ts-expect-error -- a key has no revision before it is created
await client.keys.create({ name: "x" }, { ifMatch: 3 });
// @ts-expect-error -- reading a key is no change
await client.keys.get("key_…", { idempotencyKey: "x" });
// @ts-expect-error -- a secret is no text
const shown: string = created.key;
// @ts-expect-error -- the result may be a response that refuses the request
const checked: Verification = await checkRequest(client, new Request("http://x/"));
// @ts-expect-error -- verify is the public method
await client.verifyKey({ key: "x" });

const app = express();
app.use(requiresKey(client));
const serverOf = (request: NodeRequest): string | null => request.params["server"]?.toString() ?? null;
app.use("/:server", requiresKey(client, { mcpId: serverOf, tool: "add" }));
// @ts-expect-error -- null would let every key pass
app.use(requiresKey(client, { mcpId: null }));
app.use(requiresKey(client, { onFailure: async (error) => console.error(error.message) }));
app.use(requiresKey(client, { address: (request) => request.headers["x-real-ip"]?.toString() }));
app.get("/", (request, response) => void response.send(verificationOf(request).name));

const route: (request: Request, context: { server: string }) => Promise<Response> = handler(
  client,
  async (request, context: { server: string }) => new Response(verificationOf(request).name + context.server),
  { mcpId: (_request, context) => context.server, onFailure: (error) => console.error(error.message) },
);

try {
  await client.keys.get("key_…");
} catch (error) {
  if (error instanceof NotFound) console.log(error.code, error.details["field"], error.requestId?.length);
}

export { bodyOf, checked, keys, page, pieces, route, shown, text, verification, webhookSecret };
