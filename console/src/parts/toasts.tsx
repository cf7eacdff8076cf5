// Short words about what was done or has just come, which screen readers hear too.
import { type ReactNode, createContext, useCallback, useContext, useRef, useState } from "react";
import { Button } from "./Button";

export type Say = (text: ReactNode, tone?: "flow" | "warm") => void;

interface Toast {
  id: number;
  text: ReactNode;
  tone: "flow" | "warm";
}

const SHOWN_MS = 8_000;
const AT_ONCE = 4;
const SayContext = createContext<Say>(() => undefined);

export function useSay(): Say {
  return useContext(SayContext);
}

export function Toasts({ children }: { children: ReactNode }) {
  const [toasts, setToasts] = useState<readonly Toast[]>([]);
  const last = useRef(0);
  const dismiss = useCallback((id: number) => setToasts((now) => now.filter((toast) => toast.id !== id)), []);
  const say = useCallback<Say>(
    (text, tone = "flow") => {
      const id = ++last.current;
      setToasts((now) => [...now, { id, text, tone }].slice(-AT_ONCE));
      window.setTimeout(() => dismiss(id), SHOWN_MS);
    },
    [dismiss],
  );
  return (
    <SayContext value={say}>
      {children}
      <div className="toasts" role="status" aria-live="polite">
        {toasts.map((toast) => (
          <div key={toast.id} className={`toast toast-${toast.tone}`}>
            <span>{toast.text}</span>
            <Button weight="bare" small aria-label="Dismiss" onPress={() => dismiss(toast.id)}>
              ×
            </Button>
          </div>
        ))}
      </div>
    </SayContext>
  );
}
