// What a list or a page shows when it has nothing, not yet, or a problem.
import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { ApiProblem } from "../api/client";
import { Button } from "./Button";

export function Problem({ error, again }: { error: unknown; again?: () => void }) {
  return (
    <div className="problem" role="alert">
      <p>
        <strong>{titleOf(error)}</strong>
      </p>
      <p>{problemText(error)}</p>
      {again && <Button onPress={again}>Try again</Button>}
    </div>
  );
}

export function Empty({ children }: { children: ReactNode }) {
  return <p className="empty">{children}</p>;
}

export function Waiting({ what }: { what: string }) {
  return (
    <p className="empty" role="status">
      Reading {what} …
    </p>
  );
}

/** Shows what was read, or why it could not be. What was read once stays, with the problem above it. */
export function Loaded<T>({
  from,
  what,
  children,
}: {
  from: UseQueryResult<T>;
  what: string;
  children: (data: T) => ReactNode;
}) {
  if (from.data !== undefined) {
    return (
      <>
        {from.isError && <Problem error={from.error} again={() => void from.refetch()} />}
        {children(from.data)}
      </>
    );
  }
  if (from.isError) return <Problem error={from.error} again={() => void from.refetch()} />;
  return <Waiting what={what} />;
}

export function problemText(error: unknown): string {
  if (error instanceof ApiProblem) return error.detail;
  return "The gateway can't be reached. Nothing is known about what it did.";
}

function titleOf(error: unknown): string {
  if (!(error instanceof ApiProblem)) return "No answer";
  if (error.status === 403) return "You may not";
  if (error.status === 404) return "Not found";
  return error.title;
}
