// Tells of each new hold, request and high alert, wherever one is in the console.
import { Link } from "@tanstack/react-router";
import { useEffect } from "react";
import { useLiveStore } from "../api/live";
import { useSay } from "../parts/toasts";

const FRESH_MS = 60_000;
/** What was asked before the page was opened is in its list already. */
const OPENED = performance.timeOrigin;

export function NewHolds() {
  const store = useLiveStore();
  const say = useSay();
  useEffect(
    () =>
      store.onControl((event) => {
        const at = Date.parse(event.at);
        if (at < OPENED || Date.now() - at > FRESH_MS) return;
        if (event.kind === "hold.asked") {
          say(
            <>
              A statement waits for a person.{" "}
              <Link to="/holds/$id" params={{ id: event.subject }}>
                Look at hold {event.subject}
              </Link>
            </>,
            "warm",
          );
        }
        if (event.kind === "finding.told" && severityOf(event.details) === "high") {
          say(
            <>
              A rule has found something.{" "}
              <Link to="/alerts/$id" params={{ id: event.subject }}>
                Look at alert {event.subject}
              </Link>
            </>,
            "warm",
          );
        }
        if (event.kind === "unseal.asked") {
          say(
            <>
              Somebody asks to open a sealed layer. <Link to="/unseals">Look at unseals</Link>
            </>,
            "warm",
          );
        }
        if (event.kind === "grant.requested") {
          say(
            <>
              Somebody asks for a grant. <Link to="/grants">Look at grants</Link>
            </>,
            "warm",
          );
        }
      }),
    [store, say],
  );
  return null;
}

function severityOf(details: unknown): unknown {
  return details && typeof details === "object" && "alert" in details ? details.alert : null;
}
