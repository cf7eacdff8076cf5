// Speaks to the gateway's API: JSON, problems as errors, one idempotency key for each action.

/** What the API said when it did not do what was asked. `detail` is written for people. */
export class ApiProblem extends Error {
  override readonly name = "ApiProblem";

  constructor(
    readonly status: number,
    readonly title: string,
    readonly detail: string,
  ) {
    super(detail || title);
  }
}

export interface Listed<T> {
  items: T[];
  next: string | null;
}

export async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  const response = await send(path, signal ? { signal } : {});
  return (await response.json()) as T;
}

/** A list, and the address of what comes behind it where the API names one. */
export async function getList<T>(path: string, signal?: AbortSignal): Promise<Listed<T>> {
  const response = await send(path, signal ? { signal } : {});
  return { items: (await response.json()) as T[], next: nextLink(response.headers.get("Link")) };
}

/** Follows `next` to the end. For lists that are meant to be held as a whole. */
export async function getAll<T>(path: string, signal?: AbortSignal): Promise<T[]> {
  const all: T[] = [];
  for (let at: string | null = path; at; ) {
    const page: Listed<T> = await getList<T>(at, signal);
    all.push(...page.items);
    at = page.items.length > 0 ? page.next : null;
  }
  return all;
}

export async function post<T>(path: string, body: object, key: string): Promise<T> {
  const response = await send(path, {
    method: "POST",
    headers: { "Content-Type": "application/json", "Idempotency-Key": key },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  return (text ? JSON.parse(text) : {}) as T;
}

/** The path of the `rel="next"` link, if the header has one (RFC 8288). */
export function nextLink(header: string | null): string | null {
  for (const part of header?.split(/,\s*(?=<)/) ?? []) {
    const match = /^\s*<([^>]*)>\s*;(.*)$/.exec(part);
    if (match?.[1] && /\brel="?next"?/.test(match[2] ?? "")) {
      const url = new URL(match[1], "http://gateway.invalid");
      return url.pathname + url.search;
    }
  }
  return null;
}

export function query(values: Record<string, string | number | null | undefined>): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    if (value !== null && value !== undefined && value !== "") search.set(name, String(value));
  }
  const text = search.toString();
  return text ? `?${text}` : "";
}

export function goToSignIn(): void {
  const here = window.location.pathname + window.location.search;
  window.location.assign(`/auth/login?next=${encodeURIComponent(here)}`);
}

async function send(path: string, init: RequestInit): Promise<Response> {
  const response = await fetch(path, { credentials: "same-origin", ...init });
  if (response.ok) return response;
  if (response.status === 401) goToSignIn();
  throw await problem(response);
}

async function problem(response: Response): Promise<ApiProblem> {
  const fallback = response.statusText || `HTTP ${response.status}`;
  try {
    const body = (await response.json()) as { title?: string; detail?: string };
    return new ApiProblem(response.status, body.title ?? fallback, body.detail ?? body.title ?? fallback);
  } catch {
    return new ApiProblem(response.status, fallback, `The gateway answered ${response.status} ${fallback}.`);
  }
}
