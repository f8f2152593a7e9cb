/** What the walk runs against: a server given by its address, the binary's demo, or the portal's mock. */

import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
/** The demo loads its sample before it listens; a busy machine needs a while. */
const READY_MS_MAX = 180_000;

/**
 * @returns {Promise<{url: string, name: string, password: string, stop: () => Promise<void>, kind: "given" | "demo" | "mock"}>}
 */
export async function startServer(arguments_) {
  const name = process.env.KANGMAI_NAME;
  const password = process.env.KANGMAI_PASSWORD;
  if (process.env.KANGMAI_URL) {
    if (!name || !password) throw new Error("KANGMAI_URL needs KANGMAI_NAME and KANGMAI_PASSWORD beside it");
    return { url: process.env.KANGMAI_URL.replace(/\/$/, ""), name, password, stop: async () => {}, kind: "given" };
  }
  return arguments_.includes("--mock") ? startMock() : startDemo();
}

async function startMock() {
  const preview = await startPreview();
  return { ...preview, name: "doctor", password: "demo", kind: "mock" };
}

/** The pages as they lie in web/dist, in front of a server, or of the portal's mock when there is none. */
export async function startPreview(behind) {
  const port = await freePort();
  const web = join(ROOT, "web");
  const child = spawn(
    process.execPath,
    [join(web, "node_modules/vite/bin/vite.js"), "preview", "--port", String(port), "--strictPort"],
    { cwd: web, stdio: "ignore", env: { ...process.env, KANGMAI_URL: behind ?? "" } },
  );
  const url = `http://127.0.0.1:${port}`;
  await untilReady(child, () => answers(`${url}/api/v1/status`));
  return { url, stop: () => stop(child) };
}

/** The server to test. */
export function binaryOf() {
  const binary = process.env.KANGMAI_BINARY ?? join(ROOT, "target/release/kangmai");
  if (!existsSync(binary)) throw new Error(`${binary} does not exist; build it, or set KANGMAI_BINARY or KANGMAI_URL`);
  return binary;
}

async function startDemo() {
  const binary = binaryOf();
  const data = mkdtempSync(join(tmpdir(), "kangmai-e2e-"));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const child = spawn(binary, ["demo", "--sample", "--data", join(data, "data"), "--listen", `127.0.0.1:${port}`], {
    stdio: ["ignore", "pipe", "pipe"],
    cwd: ROOT,
  });
  let printed = "";
  child.stdout.on("data", (part) => (printed += part));
  child.stderr.on("data", (part) => (printed += part));
  const clean = () => rmSync(data, { recursive: true, force: true });
  try {
    await untilReady(child, async () => loginIn(printed) && (await answers(`${url}/api/v1/status`)));
  } catch (cause) {
    await stop(child);
    clean();
    throw new Error(`${cause.message}\n--- what the demo printed ---\n${printed}`);
  }
  return { url, ...loginIn(printed), stop: () => stop(child).then(clean), kind: "demo" };
}

/** The clinician's login among the lines that the demo prints: `clinician   NAME   PASSWORD`. */
export function loginIn(printed) {
  const found = /^clinician\s+(\S+)\s+(\S+)$/m.exec(printed);
  return found ? { name: found[1], password: found[2] } : undefined;
}

export async function untilReady(child, ready, waitMsMax = READY_MS_MAX) {
  const deadline = Date.now() + waitMsMax;
  while (!(await ready())) {
    if (child.exitCode !== null) throw new Error(`the server ended with code ${child.exitCode} before it was ready`);
    if (Date.now() > deadline) throw new Error(`the server was not ready after ${waitMsMax / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function answers(url) {
  try {
    return (await fetch(url)).ok;
  } catch {
    return false;
  }
}

export function stop(child) {
  if (child.exitCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once("exit", resolve);
    child.kill("SIGTERM");
  });
}

export function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}
