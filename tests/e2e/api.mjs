/** The walk's own eyes on the server: what a page must show is asked for here, not written into the test. */

export class Api {
  constructor(url, token, account, isMock) {
    Object.assign(this, { url, token, account, isMock });
  }

  static async signIn({ url, name, password, kind }) {
    const answer = await fetch(`${url}/api/v1/session`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ name, password }),
    });
    if (!answer.ok) throw new Error(`sign-in as ${name} answers ${answer.status}: ${await answer.text()}`);
    const { token, account } = await answer.json();
    return new Api(url, token, account, kind === "mock");
  }

  async get(path) {
    const answer = await fetch(this.url + path, { headers: { Authorization: `Bearer ${this.token}` } });
    if (!answer.ok) throw new Error(`GET ${path} answers ${answer.status}: ${(await answer.text()).slice(0, 400)}`);
    return answer.json();
  }

  /** How many resources a FHIR search finds; undefined from the mock, which has no search. */
  async count(search) {
    if (this.isMock) return undefined;
    return (await this.get(`/fhir/R4/${search}&_summary=count`)).total;
  }

  /** The ids of patients, from the FHIR face; the mock has no search and knows one rich record. */
  async patients() {
    if (this.isMock) return ["p-0001"];
    const bundle = await this.get("/fhir/R4/Patient?_count=50");
    return (bundle.entry ?? []).map((entry) => entry.resource.id);
  }

  /** The person with the fullest front page: a walk over an empty record would prove nothing. */
  async fullestPerson() {
    let best;
    for (const id of await this.patients()) {
      const summary = await this.get(`/api/v1/persons/${id}/summary`);
      const { allergies, problems, medicines, results } = summary;
      const score =
        Math.min(allergies.length, 3) * 100 +
        Math.min(problems.length, 10) * 10 +
        Math.min(medicines.length, 5) * 5 +
        results.length;
      if (!best || score > best.score) best = { id, summary, score };
    }
    if (!best || best.summary.results.length < 2) throw new Error("no person with at least two results to look at");
    return best;
  }
}
