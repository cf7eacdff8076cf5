// A SAML identity provider (npm samlp) as a company has one: usage: saml_people.cjs KEY CHAIN SIGNING-KEY CERTIFICATE ENTITY GROUPS
// It prints where people sign in: GET with SAMLRequest and RelayState, and with `login`, who it is: {login}@acme.example,
// in the groups of GROUPS (JSON: {"ana": ["dba"]}). The page that it answers with posts the response.
const { createServer } = require('node:https');
const { readFileSync } = require('node:fs');
const samlp = require('samlp');

const [key, cert, signingKey, certificate, issuer, groupsText] = process.argv.slice(2);
const groups = JSON.parse(groupsText);
const mapper = (user) => ({
  getClaims: () => ({ email: `${user.login}@acme.example`, groups: groups[user.login] ?? [] }),
  getNameIdentifier: () => ({
    nameIdentifier: `${user.login}@acme.example`, nameIdentifierFormat: 'urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress',
  }),
});
const server = createServer({ key: readFileSync(key), cert: readFileSync(cert) }, (request, response) => {
  const url = new URL(request.url, 'https://x');
  request.query = Object.fromEntries(url.searchParams);
  response.set = (name, value) => response.setHeader(name, value);
  response.send = (body) => response.end(String(body));
  const failed = (error) => { response.statusCode = 500; response.end(String(error)); };
  const postUrl = (_audience, dom, _request, done) => done(null, dom.documentElement.getAttribute('AssertionConsumerServiceURL'));
  const options = {
    issuer, cert: readFileSync(certificate), key: readFileSync(signingKey), getPostURL: postUrl, profileMapper: mapper, lifetimeInSeconds: 300,
    signResponse: url.searchParams.get('login') === 'bo', getUserFromRequest: () => ({ login: url.searchParams.get('login') }),
  };
  // The assertion says whom it is for, which samlp takes from its options alone.
  const asked = Buffer.from(url.searchParams.get('SAMLRequest') ?? '', 'base64');
  const xml = require('node:zlib').inflateRawSync(asked).toString();
  const place = /AssertionConsumerServiceURL="([^"]+)"/.exec(xml)[1];
  samlp.auth({ ...options, destination: place, recipient: place })(request, response, failed);
});
server.listen(0, '127.0.0.1', () => console.log(`https://127.0.0.1:${server.address().port}/sso?tenant=1`));
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
