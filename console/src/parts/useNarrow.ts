// Whether the window is so narrow that tables become cards. The style sheets use the same width.
import { useSyncExternalStore } from "react";

const narrow = window.matchMedia("(max-width: 760px)");

export function useNarrow(): boolean {
  return useSyncExternalStore(subscribe, () => narrow.matches);
}

function subscribe(reader: () => void): () => void {
  narrow.addEventListener("change", reader);
  return () => narrow.removeEventListener("change", reader);
}
