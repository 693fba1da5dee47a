// An OpenID provider on loopback. Whoever signs in is who they say: the name typed is their address, and the provider
// vouches for it unless it begins with "unverified.". CONFORM=false puts the address into the ID token itself.
import { Provider } from "oidc-provider";

const { PORT, CLIENT_ID, CLIENT_SECRET, REDIRECT_URI, CONFORM } = process.env;

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
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({ sub: id, email: id, email_verified: !id.startsWith("unverified.") }),
  }),
  cookies: { keys: ["not a secret"] },
});

provider.listen(Number(PORT), "127.0.0.1", () => console.log("listening"));
