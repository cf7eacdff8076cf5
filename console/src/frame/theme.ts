// Light, dark, or as the system has it; kept in this browser.
import { useSyncExternalStore } from "react";

export type Theme = "system" | "light" | "dark";

const KEY = "weir-theme";
const readers = new Set<() => void>();

export function readTheme(): Theme {
  try {
    const kept = window.localStorage.getItem(KEY);
    return kept === "light" || kept === "dark" ? kept : "system";
  } catch {
    return "system";
  }
}

export function applyTheme(theme: Theme): void {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  for (const reader of readers) reader();
}

export function chooseTheme(theme: Theme): void {
  try {
    window.localStorage.setItem(KEY, theme);
  } catch {
    // Without storage the choice lasts as long as the page.
  }
  applyTheme(theme);
}

/** The choice that counts now. */
export function useTheme(): Theme {
  return useSyncExternalStore(subscribe, () => (document.documentElement.dataset.theme as Theme | undefined) ?? "system");
}

/** Changes with each change of the colours, whether chosen here or in the system. */
export function useColours(): string {
  return useSyncExternalStore(subscribe, () => {
    const chosen = document.documentElement.dataset.theme;
    return chosen ?? (window.matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  });
}

function subscribe(reader: () => void): () => void {
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  readers.add(reader);
  system.addEventListener("change", reader);
  return () => {
    readers.delete(reader);
    system.removeEventListener("change", reader);
  };
}
