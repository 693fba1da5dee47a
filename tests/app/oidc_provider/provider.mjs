// An OpenID provider on loopback that believes every user: the name typed is their address, and the provider
// vouches for it unless it begins with "unverified.". CONFORM=false puts the address into the ID token itself.
// "<id token>.<userinfo>.said.…" chooses what each of the two says of email_verified, as different providers do; a "failing" userinfo is 500.
import { Provider } from "oidc-provider";

const { PORT, CLIENT_ID, CLIENT_SECRET, REDIRECT_URI, CONFORM } = process.env;

const SAID = {
  yes: { email_verified: true },
  no: { email_verified: false },
  textyes: { email_verified: "true" },
  textno: { email_verified: "false" },
  silent: {},
  noaddress: { email: undefined },
  failing: {},
  other: { email: "someone.else@example.com", email_verified: true },
};

const claims = (id, use) => {
  const said = /^(\w+)\.(\w+)\.said\./.exec(id);
  if (said && use === "userinfo" && said[2] === "failing") throw new Error("userinfo fails");
  const verified = said ? SAID[use === "id_token" ? said[1] : said[2]] : { email_verified: !id.startsWith("unverified.") };
  return { sub: id, email: id, ...verified };
};

const provider = new Provider(`http://127.0.0.1:${PORT}`, {
  clients: [
    {
      client_id: CLIENT_ID,
      client_secret: CLIENT_SECRET,
      redirect_uris: [REDIRECT_URI],
      grant_types: ["authorization_code"],
      response_types: ["code"],
    },
  ],
  claims: { openid: ["sub"], email: ["email", "email_verified"] },
  conformIdTokenClaims: CONFORM !== "false",
  pkce: { required: () => true },
  findAccount: (_, id) => ({ accountId: id, claims: (use) => claims(id, use) }),
  cookies: { keys: ["not a secret"] },
});

// GET /test/refuse?path=…&status=…&retry_after=… makes the provider refuse requests to that path, and without a path none.
// GET /test/requested lists the paths of all other requests.
let refusal = {};
const requested = [];
provider.use(async (ctx, next) => {
  if (ctx.path === "/test/refuse") {
    refusal = { ...ctx.query };
    ctx.body = {};
  } else if (ctx.path === "/test/requested") {
    ctx.body = requested;
  } else {
    requested.push(ctx.path);
    if (ctx.path !== refusal.path) return next();
    ctx.status = Number(refusal.status);
    if (refusal.retry_after !== undefined) ctx.set("Retry-After", refusal.retry_after);
    ctx.body = { error: "temporarily_unavailable" };
  }
});

provider.listen(Number(PORT), "127.0.0.1", () => console.log("listening"));
