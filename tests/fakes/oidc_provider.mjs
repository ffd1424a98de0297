// Runs oidc-provider: node oidc_provider.mjs FOLDER PORT CLIENT_ID CLIENT_SECRET REDIRECT_URI SCOPES
import { createServer } from "node:http";

const [folder, port, client_id, client_secret, redirect_uri, scopes] = process.argv.slice(2);
const { default: Provider } = await import(`${folder}/lib/index.js`);

const client = { client_id, client_secret, redirect_uris: [redirect_uri] };
const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [
    { ...client, grant_types: ["authorization_code", "refresh_token"], token_endpoint_auth_method: "client_secret_post" },
    {
      client_id: `${client_id}-of-a-service`,
      client_secret,
      redirect_uris: [],
      response_types: [],
      grant_types: ["client_credentials"],
      token_endpoint_auth_method: "client_secret_basic",
    },
  ],
  scopes: scopes.split(" "),
  claims: { email: ["email"] },
  cookies: { keys: ["of a test"] },
  findAccount: (_, sub) => ({ accountId: sub, claims: () => ({ sub, email: sub }) }),
  issueRefreshToken: () => true,
  rotateRefreshToken: true,
  features: {
    clientCredentials: { enabled: true },
    revocation: { enabled: true },
    introspection: { enabled: true },
  },
});
createServer(provider.callback()).listen(Number(port), "127.0.0.1");
