// Tells of each new hold and request, wherever one is in the console.
import { Link } from "@tanstack/react-router";
import { useEffect } from "react";
import { useLiveStore } from "../api/live";
import { useSay } from "../parts/toasts";

const FRESH_MS = 60_000;

export function NewHolds() {
  const store = useLiveStore();
  const say = useSay();
  useEffect(
    () =>
      store.onControl((event) => {
        if (Date.now() - Date.parse(event.at) > FRESH_MS) return;
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
