/** Watches a page for what must not happen: errors, calls to other hosts, names in addresses; and asks axe about barriers. */

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export function watch(page, ownUrl) {
  const own = new URL(ownUrl).origin;
  const faults = [];
  const addresses = [];
  const allowed = [];

  page.on("pageerror", (error) => faults.push(`uncaught: ${error.message}`));
  page.on("console", (message) => {
    if (message.type() !== "error" && message.type() !== "warning") return;
    const expected = allowed.findIndex((status) => message.text().includes(`status of ${status}`));
    if (expected >= 0) allowed.splice(expected, 1);
    else faults.push(`console ${message.type()}: ${message.text()}`);
  });
  page.on("request", (request) => {
    const url = request.url();
    addresses.push(decodeURIComponent(url));
    if (!url.startsWith("data:") && new URL(url).origin !== own) faults.push(`a request to another host: ${url}`);
  });

  return {
    /** Lets one answer with this status pass, because the walk provokes it. */
    allow: (status) => allowed.push(status),

    /** Serious findings on the page as it stands, each with the element that it is about. */
    async accessibility() {
      await page.evaluate(axe);
      const { violations } = await page.evaluate(() =>
        globalThis.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21aa"] }),
      );
      return violations
        .filter((violation) => ["serious", "critical"].includes(violation.impact))
        .map(
          (violation) =>
            `${violation.id} at ${violation.nodes
              .slice(0, 3)
              .map((node) => `${node.target} (${node.any[0]?.message ?? ""})`)
              .join(", ")}`,
        );
    },

    /** Adds what the browser said to the reason for which a walk ended. */
    explain(cause) {
      if (faults.length > 0 && !cause.message.includes(faults[0]))
        cause.stack = `${cause.stack}\n  and the browser said:\n  ${faults.join("\n  ")}`;
      return cause;
    },

    /** Fails when anything was seen that must not happen. */
    verdict(names) {
      if (faults.length > 0) throw new Error(`the browser complained:\n${faults.join("\n")}`);
      const leaking = addresses.filter((address) => names.some((name) => address.includes(name)));
      if (leaking.length > 0) throw new Error(`a person's name in an address:\n${leaking.join("\n")}`);
    },
  };
}
