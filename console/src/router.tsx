// Which address shows which page. Pages are files of their own, fetched when one is first asked for. Notices lead to addresses
// with an id; where a thing has no page of its own, that is the page of all of them.
import { createRootRoute, createRoute, createRouter, lazyRouteComponent, redirect } from "@tanstack/react-router";
import { Shell } from "./frame/Shell";
import { Broken, Unknown } from "./pages/unknown/Unknown";

const root = createRootRoute({ component: Shell, notFoundComponent: Unknown, errorComponent: Broken });

const search = (given: Record<string, unknown>): { [name: string]: string } => {
  const texts: { [name: string]: string } = {};
  for (const [name, value] of Object.entries(given)) {
    if (value !== undefined && value !== "") texts[name] = String(value);
  }
  return texts;
};

const pages = [
  createRoute({
    getParentRoute: () => root,
    path: "/",
    component: lazyRouteComponent(() => import("./pages/overview/Overview"), "Overview"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/sessions",
    validateSearch: search,
    component: lazyRouteComponent(() => import("./pages/sessions/Sessions"), "Sessions"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/sessions/$id",
    component: lazyRouteComponent(() => import("./pages/session/Session"), "Session"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/records",
    validateSearch: search,
    component: lazyRouteComponent(() => import("./pages/records/Records"), "Records"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/holds",
    component: lazyRouteComponent(() => import("./pages/holds/Holds"), "Holds"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/holds/$id",
    component: lazyRouteComponent(() => import("./pages/holds/Holds"), "Holds"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/alerts",
    validateSearch: search,
    component: lazyRouteComponent(() => import("./pages/alerts/Alerts"), "Alerts"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/alerts/$id",
    component: lazyRouteComponent(() => import("./pages/alerts/OneAlert"), "OneAlert"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/incidents",
    component: lazyRouteComponent(() => import("./pages/incidents/Incidents"), "Incidents"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/incidents/report",
    validateSearch: search,
    component: lazyRouteComponent(() => import("./pages/incidents/Report"), "Report"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/unseals",
    component: lazyRouteComponent(() => import("./pages/unseals/Unseals"), "Unseals"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/unseals/$id",
    component: lazyRouteComponent(() => import("./pages/unseals/Unseals"), "Unseals"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/grants",
    component: lazyRouteComponent(() => import("./pages/grants/Grants"), "Grants"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/grants/$id",
    component: lazyRouteComponent(() => import("./pages/grants/Grants"), "Grants"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/blocks",
    component: lazyRouteComponent(() => import("./pages/blocks/Blocks"), "Blocks"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/blocks/$id",
    component: lazyRouteComponent(() => import("./pages/blocks/Blocks"), "Blocks"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/break-glass",
    component: lazyRouteComponent(() => import("./pages/break-glass/BreakGlass"), "BreakGlass"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/break-glass/$id",
    component: lazyRouteComponent(() => import("./pages/break-glass/BreakGlass"), "BreakGlass"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/workloads",
    component: lazyRouteComponent(() => import("./pages/workloads/Workloads"), "Workloads"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/workloads/$name",
    component: lazyRouteComponent(() => import("./pages/workloads/Workload"), "Workload"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/targets",
    component: lazyRouteComponent(() => import("./pages/targets/Targets"), "Targets"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/policy",
    validateSearch: search,
    component: lazyRouteComponent(() => import("./pages/policy/Policy"), "Policy"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/evidence",
    component: lazyRouteComponent(() => import("./pages/evidence/Evidence"), "Evidence"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/health",
    component: lazyRouteComponent(() => import("./pages/health/Health"), "Health"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/tokens",
    component: lazyRouteComponent(() => import("./pages/tokens/Tokens"), "Tokens"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/tokens/$id",
    component: lazyRouteComponent(() => import("./pages/tokens/Tokens"), "Tokens"),
  }),
  // What a notice leads to: what the run did is in its records.
  createRoute({
    getParentRoute: () => root,
    path: "/runs/$id",
    beforeLoad: ({ params }) => {
      throw redirect({ to: "/records", search: { run: params.id } });
    },
  }),
] as const;

const tree = root.addChildren(pages);

export function makeRouter() {
  return createRouter({
    routeTree: tree,
    defaultPreload: "intent",
    defaultPreloadStaleTime: 0,
    defaultErrorComponent: Broken,
    scrollRestoration: true,
    parseSearch: (text) => Object.fromEntries(new URLSearchParams(text)),
    stringifySearch: (values) => {
      const text = new URLSearchParams(search(values)).toString();
      return text ? `?${text}` : "";
    },
  });
}

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof makeRouter>;
  }
}
