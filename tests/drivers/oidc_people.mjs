// An OpenID provider (npm oidc-provider) as a company has one: usage: oidc_people.mjs KEY CHAIN SECRET CONSOLE
// It prints its address. Whoever signs in is {login}@acme.example, in the groups that POST /groups has set
// (JSON: {"ana": ["dba"]}), with every claim in the id_token; GET /thin leaves them to the userinfo endpoint.
// POST /claims: claims that everybody has. POST /rotate: a new key. POST /gone: who is known no more.
import { createServer } from 'node:https';
import { readFileSync } from 'node:fs';
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [key, cert, secret, console_url] = process.argv.slice(2);
const entry = createRequire(join(process.env.NODE_PATH, 'x.js')).resolve('oidc-provider');
const { default: Provider } = await import(pathToFileURL(entry));
const newKey = () => ({
  ...generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' }), kid: randomUUID(), use: 'sig', alg: 'RS256',
});
let groups = {};
let further = {};
let gone = [];
const make = (issuer, thin) => new Provider(issuer, {
  jwks: { keys: [newKey()] },
  cookies: { keys: ['k'] },
  conformIdTokenClaims: thin,
  claims: { openid: ['sub', '_claim_names'], email: ['email', 'email_verified'], profile: ['name'], groups: ['groups'] },
  features: { deviceFlow: { enabled: true }, rpInitiatedLogout: { enabled: true } },
  ttl: { Session: 600, Grant: 600, Interaction: 600, IdToken: 600, AccessToken: 600, RefreshToken: 600 },
  findAccount: (_, id) => (gone.includes(id) ? undefined : {
    accountId: id,
    claims: () => ({ sub: id, email: `${id}@acme.example`, email_verified: true, name: id, groups: groups[id] ?? [], ...further }),
  }),
  issueRefreshToken: (_, client) => client.grantTypeAllowed('refresh_token'),
  clients: [{
    client_id: 'weir', client_secret: secret, redirect_uris: [`${console_url}/auth/callback`],
    post_logout_redirect_uris: [`${console_url}/`], response_types: ['code'],
    grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
  }],
});
let provider;
const own = {
  '/groups': (body) => { groups = JSON.parse(body); },
  '/claims': (body) => { further = JSON.parse(body); },
  '/gone': (body) => { gone = JSON.parse(body); },
  '/rotate': () => { provider = make(provider.issuer, false); },
  '/thin': () => { provider = make(provider.issuer, true); },
};
const server = createServer({ key: readFileSync(key), cert: readFileSync(cert) }, async (request, response) => {
  const set = own[new URL(request.url, 'https://x').pathname];
  if (!set) return provider.callback()(request, response);
  let body = '';
  for await (const chunk of request) body += chunk;
  set(body);
  response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
});
server.listen(0, '127.0.0.1', () => {
  const issuer = `https://127.0.0.1:${server.address().port}`;
  provider = make(issuer, false);
  console.log(issuer);
});
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
