/** Starts a server of its own, registers the sources and accounts of `people.mjs`, and sends their messages over HTTP. */

import { spawn, spawnSync } from "node:child_process";
import { createHmac } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import {
  adt,
  charges,
  CHILD,
  CITY,
  CLINIC,
  COUNTY,
  document,
  MAN,
  prescriptions,
  report,
  SOURCES,
  times,
  totals,
  WOMAN,
} from "./people.mjs";
import { binaryOf, freePort, stop, untilReady } from "./server.mjs";

const PASSWORD = "Osmanthus-Lake-77";

export class Road {
  static async start() {
    const binary = binaryOf();
    const folder = mkdtempSync(join(tmpdir(), "kangmai-road-"));
    const data = join(folder, "data");
    const admin = (...arguments_) => {
      const done = spawnSync(binary, ["admin", ...arguments_, "--data", data, "--tenant", "1"], {
        encoding: "utf8",
        input: `${PASSWORD}\n`,
      });
      if (done.status !== 0) throw new Error(`kangmai admin ${arguments_.join(" ")}: ${done.stderr}`);
      return done.stdout.trim().split(/\s+/).at(-1);
    };
    const tokens = {};
    for (const { name, institution, title } of SOURCES)
      tokens[name] = admin("source", name, "--institution", institution, "--title", title);
    const port = await freePort();
    const child = spawn(binary, ["serve", "--data", data, "--listen", `127.0.0.1:${port}`], { stdio: "ignore" });
    const url = `http://127.0.0.1:${port}`;
    await untilReady(child, () =>
      fetch(`${url}/health/ready`).then(
        (answer) => answer.ok,
        () => false,
      ),
    );
    const road = new Road({ url, admin, tokens, child, folder });
    try {
      await road.fill();
    } catch (cause) {
      await road.stop();
      throw cause;
    }
    return road;
  }

  constructor(parts) {
    Object.assign(this, parts);
  }

  stop() {
    return stop(this.child).then(() => rmSync(this.folder, { recursive: true, force: true }));
  }

  async ask(method, path, { token, body, type = "application/json", name } = {}) {
    const answer = await fetch(this.url + path, {
      method,
      headers: {
        ...(token ? { Authorization: `Bearer ${token}` } : {}),
        ...(body === undefined ? {} : { "Content-Type": type }),
        ...(name ? { "X-File-Name": encodeURIComponent(name) } : {}),
      },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path} answers ${answer.status}: ${text.slice(0, 300)}`);
    return text === "" ? undefined : JSON.parse(text);
  }

  send(source, body, name, type = name ? "text/csv" : "application/hl7-v2") {
    return this.ask("POST", `/api/v1/sources/${source}/messages`, { token: this.tokens[source], body, type, name });
  }

  /** An account; its password is the same for all of them. */
  account(name, display, role, ...more) {
    this.admin("account", name, "--display-name", display, "--role", role, "--password-stdin", ...more);
    return { name, password: PASSWORD, display };
  }

  async signIn({ name, password }) {
    return (await this.ask("POST", "/api/v1/session", { body: { name, password } })).token;
  }

  async fill() {
    const when = times(Date.now());
    const reader = this.admin("machine", "reader", "--scope", "system/*.cruds");
    await this.sendHistory(when);
    await this.sendToday(when);
    const patient = async (institution, number) => {
      const system = encodeURIComponent(`urn:kangmai:institution:${institution}:patient|${number}`);
      const found = await this.ask("GET", `/fhir/R4/Patient?identifier=${system}`, { token: reader });
      return found.entry[0].resource.id;
    };
    const own = await patient(CITY, "P100");
    const child = await patient(CITY, "P101");
    const at = (institution, ...more) => ["--institution", institution, ...more];
    const inside = (institution, department, number) =>
      at(institution, "--department", department, "--staff-number", number);
    this.accounts = {
      clinician: this.account("zhang", "张清源", "clinician", ...inside(CITY, "NK", "1001")),
      stranger: this.account("sun", "孙望亭", "clinician", ...inside(CITY, "JZ", "2001")),
      family: this.account("zhao", "赵家和", "family-doctor", ...inside(CLINIC, "QK", "F01")),
      resident: this.account(
        "bairuolan",
        "白若兰",
        "resident",
        "--patient",
        own,
        "--proxy",
        `${child}:child:2036-05-01`,
      ),
      manager: this.account("fan", "范明川", "institution-administrator", ...at(COUNTY)),
      operator: this.account("wei", "韦守安", "platform-operator"),
      auditor: this.account("gu", "顾明达", "audit-administrator"),
    };
    await this.sign(reader, own, when);
    const list = await this.ask("GET", "/api/v1/worklist", { token: await this.signIn(this.accounts.clinician) });
    const visit = list.visits.find(({ person }) => person.name === WOMAN.name);
    if (!visit) throw new Error("the registration of today is not on the worklist");
    this.person = visit.person;
    this.when = when;
  }

  /** Two years at the county hospital: results, prescriptions, charges, and what the hospital counted. */
  async sendHistory(when) {
    for (const [at, began] of when.visits.entries()) {
      const visit = `CV${at + 1}`;
      await this.send(
        "county",
        adt("A04", COUNTY, "C77", visit, WOMAN, began, { doctor: "3001", doctorName: "李岫平" }),
      );
      const items = [
        ["GLU", "葡萄糖", (8.6 - at * 0.4).toFixed(1), "mmol/L", "3.9-6.1", "H"],
        ["K", "钾", (4.1 + at * 0.1).toFixed(2), "mmol/L", "3.50-5.30", ""],
        ["CREA", "肌酐", String(71 + at * 3), "umol/L", "41-81", at > 2 ? "" : ""],
      ];
      await this.send("county", report(COUNTY, "C77", visit, WOMAN, `CR${at + 1}`, "生化全项", items, began));
    }
    const last = when.visits.at(-1);
    await this.send("county", prescriptions("CV4", "C77", last), `处方_${"CV4"}.csv`);
    await this.send("county", charges("CV4", "C77", last), "收退费明细_CV4.csv");
    await this.send("county", totals(last), "日终对账_CV4.csv");
    await this.send("county", document(), undefined, "application/xml");
    this.chargedMs = last;
  }

  /** Today she is registered at the city hospital; a man whom the department does not know lies in another one. */
  async sendToday(when) {
    await this.send("city", adt("A04", CITY, "P101", "V101", CHILD, when.visits[3], { department: "EK" }));
    await this.send("city", adt("A04", CITY, "P100", "V100", WOMAN, when.morning));
    const items = [
      ["ALT", "丙氨酸氨基转移酶", "52", "U/L", "7-40", "H"],
      ["GLU", "葡萄糖", "7.2", "mmol/L", "3.9-6.1", "H"],
    ];
    await this.send("city", report(CITY, "P100", "V100", WOMAN, "R100", "肝功能与血糖", items, when.morning));
    await this.send(
      "clinic",
      adt("A04", CLINIC, "T9", "TV9", MAN, when.visits[2], { department: "QK", doctor: "F01" }),
    );
  }

  /** The contract with the family doctor, and what her lists are made of. */
  async sign(token, own, when) {
    const post = (resource) => this.ask("POST", `/fhir/R4/${resource.resourceType}`, { token, body: resource });
    const staff = `urn:kangmai:institution:${CLINIC}:staff`;
    const { id } = await post({
      resourceType: "Practitioner",
      identifier: [{ system: staff, value: "F01" }],
      name: [{ text: "赵家和" }],
    });
    const day = (days) => new Date(when.now + days * 86_400_000).toISOString().slice(0, 10);
    const subject = { reference: `Patient/${own}` };
    const elements = "urn:oid:2.16.156.10011.2.2.1";
    const icd = "urn:oid:2.16.156.10011.2.3.3.11";
    for (const resource of [
      {
        resourceType: "CareTeam",
        status: "active",
        identifier: [{ system: `urn:kangmai:institution:${CLINIC}:contract`, value: "Q1" }],
        subject,
        period: { start: day(-30), end: day(335) },
        participant: [{ member: { reference: `Practitioner/${id}`, display: "赵家和" } }],
      },
      {
        resourceType: "Observation",
        status: "final",
        subject,
        effectiveDateTime: day(0),
        code: { coding: [{ system: elements, code: "DE04.10.174.00" }], text: "收缩压" },
        valueQuantity: { value: 156, unit: "mmHg" },
      },
      {
        resourceType: "Condition",
        subject,
        clinicalStatus: {
          coding: [{ system: "http://terminology.hl7.org/CodeSystem/condition-clinical", code: "active" }],
        },
        onsetDateTime: day(-700),
        code: { coding: [{ system: icd, code: "I10.x00" }], text: "原发性高血压" },
      },
      {
        resourceType: "AllergyIntolerance",
        patient: subject,
        criticality: "high",
        clinicalStatus: {
          coding: [{ system: "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical", code: "active" }],
        },
        code: { text: "青霉素" },
      },
    ])
      await post(resource);
  }

  /** The address of a signed launch, as the hospital's own program makes it. */
  launch(url = this.url, changed = {}) {
    this.key ??= this.admin("launch-key", "--institution", CITY);
    const click = {
      institution: CITY,
      staff: "1001",
      department: "NK",
      visit: "V100",
      at: Math.floor(Date.now() / 1000),
    };
    Object.assign(click, changed);
    const text = [click.institution, click.staff, click.department, click.visit, click.at].join("\n");
    const signature = createHmac("sm3", this.key).update(text).digest("hex");
    return `${url}/launch?${new URLSearchParams({ ...click, signature })}`;
  }
}
