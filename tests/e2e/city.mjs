/**
 * A small city on the road: `kangmai demo --people N` sends the feeds of three senders, makes the accounts and prints the logins.
 * What the journeys look for is asked of the server and of the truth that the generator wrote down; the server cannot read it.
 */

import { spawn, spawnSync } from "node:child_process";
import { createHmac } from "node:crypto";
import { createReadStream, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { binaryOf, freePort, stop, untilReady } from "./server.mjs";

const PASSWORD = "Osmanthus-Lake-77";
/** The accounts of the demo by the role that the journeys know them by. */
const ROLES = {
  clinician: "doctor",
  family: "family",
  resident: "resident",
  manager: "institution",
  operator: "operator",
  auditor: "auditor",
  index: "index",
};
/** A city of some thousands is in after minutes. */
const READY_MS_MAX = 3_600_000;

export class City {
  static async start(people) {
    const binary = binaryOf();
    const folder = mkdtempSync(join(tmpdir(), "kangmai-city-"));
    const data = join(folder, "data");
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const child = spawn(binary, ["demo", "--people", people, "--data", data, "--listen", `127.0.0.1:${port}`], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    let printed = "";
    child.stdout.on("data", (part) => (printed += part));
    child.stderr.on("data", (part) => (printed += part));
    const city = new City({ binary, folder, data, url, child, truth: join(folder, "data.feeds", "city", "truth") });
    try {
      await untilReady(child, async () => /^index-administrator .*$/m.test(printed), READY_MS_MAX);
      city.accounts = accountsIn(printed);
      await city.meet();
    } catch (cause) {
      await city.stop();
      throw new Error(`${cause.stack}\n--- what the demo printed ---\n${printed}`);
    }
    return city;
  }

  constructor(parts) {
    Object.assign(this, parts);
  }

  stop() {
    return stop(this.child).then(() => rmSync(this.folder, { recursive: true, force: true }));
  }

  admin(...arguments_) {
    const done = spawnSync(this.binary, ["admin", ...arguments_, "--data", this.data, "--tenant", "1"], {
      encoding: "utf8",
      input: `${PASSWORD}\n`,
    });
    if (done.status !== 0) throw new Error(`kangmai admin ${arguments_.join(" ")}: ${done.stderr}`);
    return done.stdout.trim().split(/\s+/).at(-1);
  }

  async ask(method, path, { token, body } = {}) {
    const answer = await fetch(this.url + path, {
      method,
      headers: {
        ...(token ? { Authorization: `Bearer ${token}` } : {}),
        ...(body === undefined ? {} : { "Content-Type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path} answers ${answer.status}: ${text.slice(0, 300)}`);
    return text === "" ? undefined : JSON.parse(text);
  }

  async session({ name, password }) {
    return this.ask("POST", "/api/v1/session", { body: { name, password } });
  }

  async signIn(account) {
    return (await this.session(account)).token;
  }

  /** The hero of the tour, the visit of this morning, and a doctor who has nothing to do with either. */
  async meet() {
    this.reader = this.admin("machine", "e2e-reader", "--scope", "system/*.rs");
    for await (const line of lines(join(this.truth, "people.jsonl")))
      if (line.role === "hero") {
        this.hero = line;
        break;
      }
    const { token, account } = await this.session(this.accounts.clinician);
    this.doctor = account;
    for (const role of Object.keys(this.accounts))
      this.accounts[role].display = (await this.session(this.accounts[role])).account.display_name;
    const list = await this.ask("GET", "/api/v1/worklist", { token });
    this.visit = list.visits.find(({ person }) => person.name === this.hero.name);
    if (!this.visit) throw new Error(`${this.hero.name} is not on the worklist of ${account.display_name}`);
    this.person = this.visit.person;
    const place = ["--institution", account.institution, "--department", "9999", "--staff-number", "E2E01"];
    this.admin("account", "stranger", "--display-name", "孙望亭", "--role", "clinician", "--password-stdin", ...place);
    this.accounts.stranger = { name: "stranger", password: PASSWORD, display: "孙望亭" };
  }

  /** Every resource of a type about the hero, whichever registration it hangs on. */
  async ofHero(search) {
    const ids = this.person.registrations.map(({ id }) => id).join(",");
    const bundle = await this.ask("GET", `/fhir/R4/${search}&patient=${ids}&_count=1000`, { token: this.reader });
    return (bundle.entry ?? []).map(({ resource }) => resource);
  }

  /** What the summary says to somebody. */
  async summaryFor(account, person = this.person.id) {
    return this.ask("GET", `/api/v1/persons/${person}/summary`, { token: await this.signIn(account) });
  }

  /** A signed launch that the hospital's own program made some seconds ago. */
  launch(url, secondsAgo) {
    this.key ??= this.admin("launch-key", "--institution", this.doctor.institution);
    const click = {
      institution: this.doctor.institution,
      staff: this.doctor.staff_number,
      department: this.doctor.department,
      visit: this.visit.encounter.number,
      at: Math.floor(Date.now() / 1000) - secondsAgo,
    };
    const text = [click.institution, click.staff, click.department, click.visit, click.at].join("\n");
    const signature = createHmac("sm3", this.key).update(text).digest("hex");
    return `${url}/launch?${new URLSearchParams({ ...click, signature })}`;
  }
}

/** `role   name   password   …` among what the demo printed. */
function accountsIn(printed) {
  const found = [...printed.matchAll(/^[a-z-]+ +(\w+) +(Km7-\S+)/gm)].map(([, name, password]) => [name, password]);
  const passwords = Object.fromEntries(found);
  const accounts = Object.entries(ROLES).map(([role, name]) => [role, { name, password: passwords[name] }]);
  const missing = accounts.filter(([, { password }]) => !password).map(([role]) => role);
  if (missing.length > 0) throw new Error(`the demo printed no login for ${missing.join(", ")}`);
  return Object.fromEntries(accounts);
}

async function* lines(path) {
  for await (const line of createInterface({ input: createReadStream(path) })) if (line) yield JSON.parse(line);
}
