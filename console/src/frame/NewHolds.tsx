// Tells of each new hold and request, wherever one is in the console.
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
