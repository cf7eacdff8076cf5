// The keys of the inbox. They are silent while one types or a dialog is open.
import { useEffect, useRef } from "react";

export interface HoldKeys {
  move: (step: 1 | -1) => void;
  approve: () => void;
  deny: () => void;
  help: () => void;
}

export const KEYS = [
  ["j", "the next hold"],
  ["k", "the hold before"],
  ["a", "approve once (asks for the reason)"],
  ["d", "deny (asks for the reason)"],
  ["?", "this help"],
] as const;

export function useHoldKeys(keys: HoldKeys): void {
  const latest = useRef(keys);
  useEffect(() => {
    latest.current = keys;
  });
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTaken(event.target)) return;
      const act = actions(latest.current)[event.key];
      if (!act) return;
      event.preventDefault();
      act();
    };
    window.addEventListener("keydown", listen);
    return () => window.removeEventListener("keydown", listen);
  }, []);
}

function actions(keys: HoldKeys): Record<string, () => void> {
  return { j: () => keys.move(1), k: () => keys.move(-1), a: keys.approve, d: keys.deny, "?": keys.help };
}

function isTaken(target: EventTarget | null): boolean {
  if (document.querySelector('[role="dialog"], [role="alertdialog"]')) return true;
  return target instanceof Element && target.closest("input, textarea, select, [contenteditable]") !== null;
}
