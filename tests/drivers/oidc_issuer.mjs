// An OpenID provider (npm oidc-provider) as a CI system has one: usage: oidc_issuer.mjs KEY CHAIN AUDIENCE BEARER
// It prints its address. POST /mint: the claims of a job as JSON, for a token. GET /request?audience=A with the
// bearer: what GitHub's runner lets a job ask. POST /rotate: a new key.
import { createServer } from 'node:https';
import { readFileSync } from 'node:fs';
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [key, cert, audience, bearer] = process.argv.slice(2);
const entry = createRequire(join(process.env.NODE_PATH, 'x.js')).resolve('oidc-provider');
const { default: Provider } = await import(pathToFileURL(entry));
const newKey = () => ({
  ...generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' }), kid: randomUUID(), use: 'sig', alg: 'RS256',
});
const make = (issuer) => new Provider(issuer, {
  jwks: { keys: [newKey()] },
  cookies: { keys: ['k'] },
  clients: [audience, 'sts.example'].map((client_id) => ({
    client_id, redirect_uris: ['https://client.invalid/'], response_types: ['id_token'], grant_types: ['implicit'],
    id_token_signed_response_alg: 'RS256', token_endpoint_auth_method: 'none',
  })),
});
let provider;
let claims = {};

async function mint(wanted) {
  const client = await provider.Client.find(wanted);
  const token = new provider.IdToken({ sub: claims.sub ?? 'job' }, { client, ctx: undefined });
  token.scope = 'openid';
  for (const [name, value] of Object.entries({ ...claims, jti: randomUUID(), nbf: Math.floor(Date.now() / 1000) })) token.set(name, value);
  return token.issue({ use: 'idtoken' });
}

const server = createServer({ key: readFileSync(key), cert: readFileSync(cert) }, async (request, response) => {
  const url = new URL(request.url, 'https://x');
  const tell = (status, body) => response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  try {
    if (url.pathname === '/mint') {
      let text = '';
      for await (const chunk of request) text += chunk;
      claims = JSON.parse(text);
      tell(200, { value: await mint(url.searchParams.get('audience') ?? audience) });
    } else if (url.pathname === '/request') {
      if (request.headers.authorization !== `Bearer ${bearer}`) return tell(401, {});
      tell(200, { count: 1, value: await mint(url.searchParams.get('audience')) });
    } else if (url.pathname === '/rotate') {
      provider = make(provider.issuer);
      tell(200, {});
    } else provider.callback()(request, response);
  } catch (error) {
    tell(500, { error: String(error.stack) });
  }
});
server.listen(0, '127.0.0.1', () => {
  const issuer = `https://127.0.0.1:${server.address().port}`;
  provider = make(issuer);
  console.log(issuer);
});
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
