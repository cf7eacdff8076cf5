// A value once it has stopped changing, so that not every letter typed asks the gateway.
import { useEffect, useState } from "react";

const SETTLES_MS = 250;

export function useSettled(value: string): string {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const later = window.setTimeout(() => setSettled(value), SETTLES_MS);
    return () => window.clearTimeout(later);
  }, [value]);
  return settled;
}
