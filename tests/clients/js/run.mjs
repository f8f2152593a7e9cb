// node run.mjs BASE TOKEN — runs the scenario with each published client; exit code 1 when a step fails.

import { Client } from 'fhir-kit-client';
import FHIR from 'fhirclient';
import { run } from './scenario.mjs';

const [base, token] = process.argv.slice(2);
if (!base || !token) {
  console.error('usage: node run.mjs http://127.0.0.1:8080/fhir/R4 km_…');
  process.exit(2);
}

function kit() {
  const client = new Client({ baseUrl: base, bearerToken: token });
  return {
    name: 'fhir-kit-client',
    capability: () => client.capabilityStatement(),
    create: (body) => client.create({ resourceType: body.resourceType, body }),
    read: (resourceType, id) => client.read({ resourceType, id }),
    vread: (resourceType, id, version) => client.vread({ resourceType, id, version }),
    update: (body, headers) => client.update({ resourceType: body.resourceType, id: body.id, body, options: { headers } }),
    patch: (resourceType, id, jsonPatch) => client.patch({ resourceType, id, jsonPatch }),
    search: (resourceType, searchParams) => client.search({ resourceType, searchParams }),
    next: (bundle) => client.nextPage({ bundle }),
    transaction: (body) => client.transaction({ body }),
    history: (resourceType, id) => client.history({ resourceType, id }),
    everything: (id) => client.operation({ name: 'everything', resourceType: 'Patient', id, method: 'GET' }),
    delete: (resourceType, id) => client.delete({ resourceType, id }),
  };
}

function smart() {
  // a client with a token in hand needs no browser session: the request and response of its Node adapter stay unused
  const request = { url: '/', headers: { host: 'localhost' }, method: 'GET', socket: {} };
  const client = FHIR(request, {}, { get: async () => undefined, set: async (_, value) => value, unset: async () => true })
    .client({ serverUrl: base, tokenResponse: { access_token: token, token_type: 'Bearer' } });
  const headers = (given) => ({ headers: given ?? {} });
  return {
    name: 'fhirclient',
    capability: () => client.request('metadata'),
    create: (body) => client.create(body),
    read: (type, id) => client.request(`${type}/${id}`),
    vread: (type, id, version) => client.request(`${type}/${id}/_history/${version}`),
    update: (body, given) => client.update(body, headers(given)),
    patch: (type, id, operations) => client.patch(`${type}/${id}`, operations),
    search: (type, parameters) => client.request(`${type}?${new URLSearchParams(parameters)}`),
    next: (bundle) => client.request(bundle.link.find((link) => link.relation === 'next').url),
    transaction: (body) => client.request({ url: '', method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/fhir+json' } }),
    history: (type, id) => client.request(`${type}/${id}/_history`),
    everything: (id) => client.request(`Patient/${id}/$everything`),
    delete: (type, id) => client.delete(`${type}/${id}`),
  };
}

let failed = false;
for (const make of [kit, smart]) {
  const client = make();
  const passed = [];
  try {
    await run(client, (step) => passed.push(step));
    console.log(`${client.name}: ${passed.length} steps passed`);
  } catch (error) {
    failed = true;
    console.log(`${client.name}: FAILED after "${passed.at(-1) ?? 'nothing'}" (${passed.length} steps passed)\n  ${error.stack}\n  ${JSON.stringify(error.response?.data ?? '').slice(0, 400)}`);
  }
}
process.exit(failed ? 1 : 0);
