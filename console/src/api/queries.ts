// What is read from the API, by name. Each list is held once, in the query cache.
import { type QueryClient, keepPreviousData, queryOptions } from "@tanstack/react-query";
import { get, getAll, getList, query } from "./client";
import type {
  Alert,
  Block,
  BrokenGlass,
  ControlEvent,
  Grant,
  Health,
  Hold,
  Incident,
  LegalHold,
  Log,
  Me,
  Notifier,
  PolicyFile,
  PolicySet,
  PolicyVersion,
  RecordSummary,
  SessionRecord,
  Snooze,
  Target,
  Token,
  Unseal,
  Workload,
} from "./types";

const whole = <T>(key: string, path: string) =>
  queryOptions({ queryKey: [key], queryFn: ({ signal }) => getAll<T>(path, signal) });

export const meQuery = queryOptions({
  queryKey: ["me"],
  queryFn: ({ signal }) => get<Me>("/v1/me", signal),
  staleTime: 5 * 60_000,
});
export const holdsQuery = queryOptions({
  queryKey: ["holds"],
  queryFn: async ({ signal }) => (await getList<Hold>("/v1/holds?past=50", signal)).items,
});
export const holdQuery = (id: string) =>
  queryOptions({ queryKey: ["holds", id], queryFn: ({ signal }) => get<Hold>(`/v1/holds/${id}`, signal) });
export const grantsQuery = queryOptions({
  queryKey: ["grants"],
  queryFn: async ({ signal }) => (await getList<Grant>("/v1/grants?past=50", signal)).items,
});
export const blocksQuery = queryOptions({
  queryKey: ["blocks"],
  queryFn: async ({ signal }) => (await getList<Block>("/v1/blocks?past=50", signal)).items,
});
export const glassQuery = queryOptions({
  queryKey: ["break-glass"],
  queryFn: async ({ signal }) => (await getList<BrokenGlass>("/v1/break-glass?past=20", signal)).items,
});
export const tokensQuery = queryOptions({
  queryKey: ["tokens"],
  queryFn: async ({ signal }) => (await getList<Token>("/v1/tokens?past=20", signal)).items,
});
export const alertsPage = (at: string | null, signal: AbortSignal) => getList<Alert>(at ?? "/v1/alerts?past=100", signal);
export const alertQuery = (id: string) =>
  queryOptions({ queryKey: ["alerts", id], queryFn: ({ signal }) => get<Alert>(`/v1/alerts/${id}`, signal) });
export const snoozesQuery = queryOptions({
  queryKey: ["snoozes"],
  queryFn: async ({ signal }) => (await getList<Snooze>("/v1/snoozes?past=20", signal)).items,
});
export const unsealsQuery = queryOptions({
  queryKey: ["unseals"],
  queryFn: async ({ signal }) => (await getList<Unseal>("/v1/unseals?past=50", signal)).items,
});
export const legalHoldsQuery = queryOptions({
  queryKey: ["legal-holds"],
  queryFn: async ({ signal }) => (await getList<LegalHold>("/v1/legal-holds?past=50", signal)).items,
});
export interface IncidentAsked {
  target: string;
  since: string;
  until?: string | undefined;
}
/** Each look is in the log, with who looked: so none is made without being asked for. */
export const incidentQuery = ({ target, since, until }: IncidentAsked) =>
  queryOptions({
    queryKey: ["incidents", target, since, until ?? ""],
    queryFn: ({ signal }) => get<Incident>(`/v1/incidents${query({ target, since, until })}`, signal),
    staleTime: "static",
  });
export const logQuery = queryOptions({
  queryKey: ["log"],
  queryFn: ({ signal }) => get<Log>("/v1/log", signal),
  refetchInterval: 10_000,
});
export const notifiersQuery = whole<Notifier>("notifiers", "/v1/notifiers");
export const workloadsQuery = whole<Workload>("workloads", "/v1/workloads");
export const targetsQuery = whole<Target>("targets", "/v1/targets");
export const policyQuery = queryOptions({
  queryKey: ["policy"],
  queryFn: ({ signal }) => get<PolicySet>("/v1/policy", signal),
});
export const versionsQuery = whole<PolicyVersion>("policy-versions", "/v1/policy/versions");
export const versionQuery = (hash: string) =>
  queryOptions({
    queryKey: ["policy-versions", hash],
    queryFn: ({ signal }) =>
      get<{ hash: string; files: PolicyFile[] }>(`/v1/policy/versions/${encodeURIComponent(hash)}`, signal),
    staleTime: Number.POSITIVE_INFINITY,
  });
export const healthQuery = queryOptions({
  queryKey: ["health"],
  queryFn: ({ signal }) => get<Health>("/v1/health", signal),
  refetchInterval: 10_000,
});
export const recordQuery = (session: string) =>
  queryOptions({
    queryKey: ["records", session],
    queryFn: ({ signal }) => get<SessionRecord>(`/v1/records/${session}`, signal),
    refetchInterval: ({ state: { data } }) => (data?.summary.state === "live" ? 5_000 : false),
  });

export interface RecordsAsked {
  search?: string | undefined;
  workload?: string | undefined;
  target?: string | undefined;
  run?: string | undefined;
  owner?: string | undefined;
  state?: string | undefined;
  since?: string | undefined;
  until?: string | undefined;
  limit?: number;
}

export const recordsPage = (asked: RecordsAsked, before: string | null, signal: AbortSignal) =>
  getList<RecordSummary>(`/v1/records${query({ limit: 100, ...asked, before })}`, signal);

export const recentRecordsQuery = (asked: RecordsAsked) =>
  queryOptions({
    queryKey: ["records", "recent", asked],
    queryFn: async ({ signal }) => (await recordsPage(asked, null, signal)).items,
    placeholderData: keepPreviousData,
  });

/** Asks again for what a control event has changed. */
export function refreshAfter(client: QueryClient, event: ControlEvent): void {
  const family = event.kind.split(".")[0] ?? "";
  for (const key of CHANGED_BY[family] ?? []) void client.invalidateQueries({ queryKey: [key] });
}

const CHANGED_BY: Record<string, readonly string[]> = {
  hold: ["holds"],
  grant: ["grants"],
  block: ["blocks", "workloads"],
  glass: ["break-glass"],
  token: ["tokens"],
  policy: ["policy", "policy-versions", "health"],
  session: ["workloads"],
  run: ["workloads"],
  finding: ["alerts"],
  snooze: ["snoozes"],
  unseal: ["unseals"],
  "legal-hold": ["legal-holds"],
  notify: ["notifiers"],
  notifier: ["notifiers"],
};
