// Builds the console for a strict content policy: no inline script, no inline style, hashed names.
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

const gateway = process.env.WEIR_GATEWAY ?? "http://127.0.0.1:8787";

/** What pages share is one file, and so are the pages of what is proved: many small ones compress badly. The chart has one of its own. */
const GROUPS = [
  { name: "parts", test: /src\/(parts\/(?!Chart)|api\/)/ },
  { name: "proof", test: /src\/pages\/(alerts|incidents|unseals|evidence)\// },
];

export default defineConfig({
  plugins: [react(), englishOnly()],
  build: {
    target: ["chrome123", "firefox121", "safari17.5"],
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    rolldownOptions: { output: { codeSplitting: { groups: GROUPS } } },
  },
  server: {
    port: 5173,
    proxy: { "/v1": gateway, "/auth": gateway },
  },
  test: { include: ["src/**/*.test.ts"] },
} as Parameters<typeof defineConfig>[0]);

/** React Aria carries its texts in some thirty languages. The console is in English. */
function englishOnly(): Plugin {
  return {
    name: "english-only",
    enforce: "pre",
    load(id) {
      const language = /react-aria.*\/intl\/.*\/([a-z]{2}-[A-Z]{2})\.m?js$/.exec(id)?.[1];
      return language && language !== "en-US" ? "export default {};" : null;
    },
  };
}
