// Puts the console together: cache, live store, router, theme.
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { ApiProblem } from "./api/client";
import { LiveContext, LiveStore } from "./api/live";
import { refreshAfter } from "./api/queries";
import { applyTheme, readTheme } from "./frame/theme";
import { makeRouter } from "./router";
import "uplot/dist/uPlot.min.css";
import "./style/index.css";

applyTheme(readTheme());

const cache = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      retry: (failures, error) => failures < 2 && !(error instanceof ApiProblem && error.status < 500),
    },
  },
});
const live = new LiveStore(() => void cache.invalidateQueries());
live.onControl((event) => refreshAfter(cache, event));
live.start();

const root = document.getElementById("root");
if (!root) throw new Error("index.html has no element with the id root.");
createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={cache}>
      <LiveContext value={live}>
        <RouterProvider router={makeRouter()} />
      </LiveContext>
    </QueryClientProvider>
  </StrictMode>,
);
