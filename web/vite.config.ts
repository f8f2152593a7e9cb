import react from "@vitejs/plugin-react";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

import { mockServer } from "./dev/mock.ts";
import { ruleTitles } from "./tools/rules.ts";

/** The policy that the server sends with the portal. `vite preview` sends it too, so that a breach shows before the binary is built. */
const contentSecurityPolicy = [
  "default-src 'self'",
  "script-src 'self'",
  // Ant Design writes its styles into <style> elements while the page runs.
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join("; ");

/** `KANGMAI_URL=http://127.0.0.1:8080 npm run dev` works against a real server; without it a small mock answers. */
const realServer = process.env["KANGMAI_URL"];
const proxied = realServer ? { "/api": realServer, "/fhir": realServer } : {};

/** Stands in for the server during development; it is a plugin of `dev` and `preview`, so nothing of it reaches `dist`. */
function mock(): Plugin {
  return {
    name: "kangmai-mock",
    configureServer: (server) => void (realServer || server.middlewares.use(mockServer())),
    configurePreviewServer: (server) => void (realServer || server.middlewares.use(mockServer())),
  };
}

export default defineConfig({
  plugins: [react(), ruleTitles(), mock()],
  base: "/",
  build: { manifest: true, target: "es2022", modulePreload: { polyfill: false }, chunkSizeWarningLimit: 1200 },
  server: { host: "127.0.0.1", proxy: proxied },
  preview: { host: "127.0.0.1", proxy: proxied, headers: { "Content-Security-Policy": contentSecurityPolicy } },
  test: { include: ["src/**/*.test.ts"], environment: "node" },
});
