// The rooms of the console, in the order in which the navigation names them.
import type { IconName } from "../parts/Icon";

export interface Place {
  to: "/" | "/sessions" | "/records" | "/incidents" | "/unseals" | "/holds" | "/alerts" | "/grants" | "/blocks" | "/break-glass" | "/workloads" | "/targets" | "/policy" | "/evidence" | "/health" | "/tokens";
  name: string;
  icon: IconName;
}

export const PLACES: readonly { group: string; places: readonly Place[] }[] = [
  {
    group: "Now",
    places: [
      { to: "/", name: "Overview", icon: "overview" },
      { to: "/sessions", name: "Sessions", icon: "sessions" },
      { to: "/holds", name: "Holds", icon: "holds" },
      { to: "/alerts", name: "Alerts", icon: "alerts" },
    ],
  },
  {
    group: "Control",
    places: [
      { to: "/grants", name: "Grants", icon: "grants" },
      { to: "/blocks", name: "Blocks", icon: "blocks" },
      { to: "/break-glass", name: "Break-glass", icon: "break-glass" },
    ],
  },
  {
    group: "Who and what",
    places: [
      { to: "/workloads", name: "Workloads", icon: "workloads" },
      { to: "/targets", name: "Targets", icon: "targets" },
      { to: "/policy", name: "Policy", icon: "policy" },
    ],
  },
  {
    group: "Proof",
    places: [
      { to: "/records", name: "Records", icon: "records" },
      { to: "/incidents", name: "Incidents", icon: "incidents" },
      { to: "/unseals", name: "Unseals", icon: "unseals" },
      { to: "/evidence", name: "Evidence", icon: "evidence" },
    ],
  },
  {
    group: "Gateway",
    places: [
      { to: "/health", name: "Health", icon: "health" },
      { to: "/tokens", name: "Tokens", icon: "tokens" },
    ],
  },
];

/** What stays in reach of a thumb; the rest is behind "More". */
export const IN_REACH: readonly Place[] = [
  { to: "/", name: "Overview", icon: "overview" },
  { to: "/sessions", name: "Sessions", icon: "sessions" },
  { to: "/holds", name: "Holds", icon: "holds" },
  { to: "/records", name: "Records", icon: "records" },
];
