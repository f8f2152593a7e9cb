// What every client does: create, read, vread, update, patch, search, paging, transaction, history, delete.
// Each client is wrapped in one small object of these verbs; the steps and the assertions are the same for all.

import assert from 'node:assert/strict';

const SYSTEM = 'urn:kangmai:clients';

/** A patient that nobody is: the family name is the client's, the identifier begins with 99. */
export function patient(run, number, family = 'Klient') {
  return {
    resourceType: 'Patient',
    identifier: [{ system: SYSTEM, value: `99-${run}-${number}` }],
    name: [{ family, given: ['测试', `No${number}`] }],
    gender: 'female',
    birthDate: `198${number % 10}-05-0${(number % 9) + 1}`,
    extension: [{ url: 'http://example.org/weight', valueDecimal: 1.5 }],
  };
}

function observation(subject, value) {
  return {
    resourceType: 'Observation',
    status: 'final',
    code: { coding: [{ system: 'http://loinc.org', code: '8867-4', display: 'Heart rate' }] },
    subject: { reference: subject },
    effectiveDateTime: '2026-01-02T03:04:05+08:00',
    valueQuantity: { value, unit: '/min', system: 'http://unitsofmeasure.org', code: '/min' },
  };
}

/** The status of a rejected call, wherever the client keeps it. */
export function statusOf(error) {
  return error.response?.status ?? error.statusCode ?? error.status ?? Number(/\b[45]\d\d\b/.exec(error.message)?.[0]);
}

async function refused(promise, ...statuses) {
  try {
    await promise;
  } catch (error) {
    assert.ok(statuses.includes(statusOf(error)), `expected ${statuses}, got ${statusOf(error)}: ${error.message}`);
    return;
  }
  assert.fail(`expected ${statuses}, got an answer`);
}

const entries = (bundle) => (bundle.entry ?? []).map((entry) => entry.resource);

/** Runs all steps with one client; `say` is told each step that passed. */
export async function run(client, say) {
  const mark = `${client.name}-${process.pid}-${Date.now()}`;

  const capability = await client.capability();
  assert.equal(capability.resourceType, 'CapabilityStatement');
  assert.equal(capability.fhirVersion, '4.0.1');
  say('capability statement');

  const created = await client.create(patient(mark, 1));
  assert.ok(created.id);
  assert.equal(created.meta.versionId, '1');
  assert.equal(created.extension[0].valueDecimal, 1.5);
  say('create');

  const read = await client.read('Patient', created.id);
  assert.deepEqual(read, created);
  say('read');

  const updated = await client.update({ ...read, gender: 'male' });
  assert.equal(updated.meta.versionId, '2');
  assert.equal((await client.read('Patient', created.id)).gender, 'male');
  say('update');

  const patched = await client.patch('Patient', created.id, [
    { op: 'replace', path: '/birthDate', value: '1990-01-01' },
    { op: 'add', path: '/active', value: true },
  ]);
  assert.equal(patched.meta.versionId, '3');
  assert.equal(patched.birthDate, '1990-01-01');
  assert.equal(patched.active, true);
  say('JSON Patch');

  const first = await client.vread('Patient', created.id, '1');
  assert.equal(first.gender, 'female');
  assert.equal(first.meta.versionId, '1');
  say('vread');

  const history = await client.history('Patient', created.id);
  assert.equal(history.type, 'history');
  assert.deepEqual(entries(history).map((r) => r.meta.versionId), ['3', '2', '1']);
  say('history');

  const others = await Promise.all([2, 3, 4, 5, 6, 7].map((n) => client.create(patient(mark, n))));
  const found = await client.search('Patient', { identifier: `${SYSTEM}|99-${mark}-4` });
  assert.deepEqual(entries(found).map((r) => r.id), [others[2].id]);
  assert.equal(found.total, 1);
  say('search by identifier');

  const ids = [created, ...others].map((r) => r.id);
  const seen = [];
  let page = await client.search('Patient', { _id: ids.join(','), _count: '3', _sort: 'birthdate' });
  for (let pages = 1; ; pages += 1) {
    seen.push(...entries(page));
    if (!page.link.some((link) => link.relation === 'next')) {
      assert.equal(pages, 3);
      break;
    }
    page = await client.next(page);
  }
  assert.deepEqual(seen.map((r) => r.id).sort(), [...ids].sort());
  assert.deepEqual(seen.map((r) => r.birthDate), seen.map((r) => r.birthDate).sort());
  say('paging over 3 pages, sorted');

  const answered = await client.transaction({
    resourceType: 'Bundle',
    type: 'transaction',
    entry: [
      { fullUrl: 'urn:uuid:7c6a1f0a-0001-4000-8000-000000000001', resource: patient(mark, 8), request: { method: 'POST', url: 'Patient' } },
      { resource: observation('urn:uuid:7c6a1f0a-0001-4000-8000-000000000001', 61), request: { method: 'POST', url: 'Observation' } },
      { resource: observation(`Patient?identifier=${SYSTEM}|99-${mark}-4`, 62), request: { method: 'POST', url: 'Observation' } },
      { resource: patient(mark, 4), request: { method: 'POST', url: 'Patient', ifNoneExist: `identifier=${SYSTEM}|99-${mark}-4` } },
    ],
  });
  assert.equal(answered.type, 'transaction-response');
  assert.deepEqual(answered.entry.map((e) => e.response.status.slice(0, 3)), ['201', '201', '201', '200']);
  const newcomer = answered.entry[0].response.location.match(/Patient\/([^/]+)/)[1];
  const rates = await client.search('Observation', { 'patient.identifier': `${SYSTEM}|99-${mark}-8`, _include: 'Observation:patient' });
  assert.deepEqual(entries(rates).map((r) => r.resourceType), ['Observation', 'Patient']);
  assert.equal(entries(rates)[0].subject.reference, `Patient/${newcomer}`);
  const byCondition = await client.search('Observation', { patient: others[2].id, 'value-quantity': '62' });
  assert.equal(byCondition.total, 1);
  say('transaction with references by urn:uuid and by condition, chain and include');

  await refused(client.transaction({
    resourceType: 'Bundle',
    type: 'transaction',
    entry: [
      { resource: patient(mark, 9), request: { method: 'POST', url: 'Patient' } },
      { resource: { resourceType: 'Nothing' }, request: { method: 'POST', url: 'Nothing' } },
    ],
  }), 400, 404, 422);
  assert.equal((await client.search('Patient', { identifier: `${SYSTEM}|99-${mark}-9` })).total, 0);
  say('a transaction with a bad entry leaves nothing');

  const everything = await client.everything(others[2].id);
  assert.ok(entries(everything).some((r) => r.resourceType === 'Observation' && r.valueQuantity.value === 62));
  say('$everything');

  await refused(client.update({ ...read, gender: 'other' }, { 'If-Match': 'W/"1"' }), 412);
  say('If-Match with an old version is refused');

  await client.delete('Patient', created.id);
  await refused(client.read('Patient', created.id), 410);
  assert.equal((await client.search('Patient', { _id: created.id })).total, 0);
  await refused(client.read('Patient', 'nobody-here'), 404);
  await refused(client.search('Patient', { nonsense: '1' }), 400);
  say('delete, and the refusals 410, 404 and 400');
}
