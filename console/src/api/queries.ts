// What is read from the API, by name. Each list is held once, in the query cache.
import { type QueryClient, keepPreviousData, queryOptions } from "@tanstack/react-query";
import { get, getAll, getList, query } from "./client";
import type {
  Block,
  BrokenGlass,
  ControlEvent,
  Grant,
  Health,
  Hold,
  Me,
  Notifier,
  PolicyFile,
  PolicySet,
  PolicyVersion,
  RecordSummary,
  SessionRecord,
  Target,
  Token,
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
  state?: string | undefined;
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
  notify: ["notifiers"],
  notifier: ["notifiers"],
};
