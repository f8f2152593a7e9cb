import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { speakIn } from "../words/index.ts";
import { sentenceOf } from "../parts/sentence.ts";
import { api } from "./client.ts";
import { ApiError, errorFromAnswer, UNREACHABLE, UNREADABLE } from "./error.ts";
import { session } from "./session.ts";

const OURS = {
  code: "too-costly",
  zh: "检索范围过大，请缩小条件",
  en: "the search would cost too much; narrow it",
  detail: "more than 10,000 hits",
};

describe("errors", () => {
  it("reads the platform's error, bare or in an envelope", () => {
    for (const body of [OURS, { error: OURS }]) {
      const error = errorFromAnswer(403, JSON.stringify(body), "r-1");
      expect(error).toMatchObject({ ...OURS, status: 403, requestId: "r-1" });
      expect(error.sentence("zh")).toBe(OURS.zh);
      expect(error.sentence("en")).toBe(OURS.en);
    }
  });

  it("knows the rule that refused, by itself or at the end of the detail", () => {
    const of = (more: object) => errorFromAnswer(403, JSON.stringify({ error: { ...OURS, ...more } })).rule;
    expect(of({ rule: "no-ground" })).toBe("no-ground");
    expect(of({ detail: "没有调阅依据 (no-ground)" })).toBe("no-ground");
    expect(of({ detail: "more than 10,000 hits (of many)" })).toBeUndefined();
  });

  it("reads an OperationOutcome", () => {
    const outcome = {
      resourceType: "OperationOutcome",
      issue: [
        {
          severity: "error",
          code: "not-found",
          details: { coding: [{ system: "urn:kangmai:error", code: "not-found" }], text: "未找到该资源" },
          diagnostics: "Observation/x",
        },
      ],
    };
    const error = errorFromAnswer(404, JSON.stringify(outcome));
    expect(error).toMatchObject({ code: "not-found", detail: "Observation/x", status: 404 });
    expect(error.sentence("zh")).toBe("未找到该资源");
  });

  it.each(["", "<html>502 Bad Gateway</html>", "[]", "null", '"text"'])("calls %j unreadable", (body) => {
    expect(errorFromAnswer(502, body).code).toBe(UNREADABLE);
  });

  it("has a sentence for every error in both languages", () => {
    for (const code of [UNREACHABLE, UNREADABLE, "something-new"]) {
      const error = new ApiError({ status: 0, code });
      expect(sentenceOf(error, speakIn("zh"))).toMatch(/\p{Script=Han}/u);
      expect(sentenceOf(error, speakIn("en"))).toMatch(/^[A-Z]/);
    }
  });
});

describe("the client", () => {
  const answers = vi.fn<(path: string, init: RequestInit) => Response>();
  const kept = new Map<string, string>();

  beforeEach(() => {
    vi.stubGlobal("fetch", async (path: string, init: RequestInit) => answers(path, init));
    vi.stubGlobal("document", { documentElement: { lang: "zh-CN" } });
    vi.stubGlobal("sessionStorage", {
      getItem: (key: string) => kept.get(key) ?? null,
      setItem: (key: string, value: string) => kept.set(key, value),
      removeItem: (key: string) => kept.delete(key),
    });
    vi.useFakeTimers();
    session.begin({
      token: "km_test",
      account: { name: "doctor", display_name: "沈", role: "clinician" },
      expires_at: Date.now() + 1_800_000,
    });
  });

  afterEach(() => {
    session.end("signed-out");
    vi.useRealTimers();
    vi.unstubAllGlobals();
    answers.mockReset();
  });

  it("sends what is searched for in the body, never in the address", async () => {
    answers.mockReturnValue(Response.json({ persons: [] }));
    await api.findPersons({ name: "周岫宁", identifier: "990121195803120024" });
    const [path, init] = answers.mock.calls[0] ?? [];
    expect(path).toBe("/api/v1/persons/search");
    expect(init?.method).toBe("POST");
    expect(JSON.parse(String(init?.body))).toEqual({ name: "周岫宁", identifier: "990121195803120024" });
    expect(init?.headers).toMatchObject({ Authorization: "Bearer km_test", "Accept-Language": "zh-CN" });
  });

  it("ends the session when the server no longer knows it, and only then", async () => {
    answers.mockReturnValue(Response.json(OURS, { status: 403 }));
    await expect(api.summary("p")).rejects.toMatchObject({ code: "too-costly" });
    expect(session.get()).not.toBeNull();
    answers.mockReturnValue(Response.json({ error: { code: "not-signed-in" } }, { status: 401 }));
    await expect(api.summary("p")).rejects.toMatchObject({ code: "not-signed-in" });
    expect(session.get()).toBeNull();
    expect(session.endedByServer()).toBe(true);
    expect(kept.size).toBe(0);
  });

  it("ends an idle session after the time that the server allows, counted from the last answer", async () => {
    answers.mockImplementation(() => Response.json({ entries: [] }));
    vi.advanceTimersByTime(1_700_000);
    await api.accessLog("p");
    vi.advanceTimersByTime(1_700_000);
    expect(session.get()).not.toBeNull();
    vi.advanceTimersByTime(100_001);
    expect(session.get()).toBeNull();
  });

  it("calls a server that does not answer unreachable, and a broken answer unreadable", async () => {
    answers.mockImplementation(() => {
      throw new TypeError("fetch failed");
    });
    await expect(api.status()).rejects.toMatchObject({ code: UNREACHABLE });
    answers.mockImplementation(() => new Response("{"));
    await expect(api.status()).rejects.toMatchObject({ code: UNREADABLE });
  });

  it("opens an original under the purpose of the page, and says none where there is none", async () => {
    answers.mockImplementation(() => Response.json({}));
    await api.origin("Observation", "a", "ETREAT");
    await api.source("Observation", "a", "ETREAT");
    await api.origin("Observation", "a");
    const said = answers.mock.calls.map(([, init]) => new Headers(init.headers).get("X-Purpose-Of-Use"));
    expect(said).toEqual(["ETREAT", "ETREAT", null]);
  });

  it("escapes ids in addresses", async () => {
    answers.mockImplementation(() => Response.json({ entries: [], next: null }));
    await api.timeline("a/../b", { kinds: ["encounters", "results"], before: "1.2", limit: 60 });
    expect(answers.mock.calls[0]?.[0]).toBe(
      "/api/v1/persons/a%2F..%2Fb/timeline?before=1.2&kinds=encounters%2Cresults&limit=60",
    );
  });
});
