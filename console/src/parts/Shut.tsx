// Something that is shut until one wants it. The browser's own element: it works without us.
import type { ReactNode } from "react";

export function Shut({ title, open = false, children }: { title: ReactNode; open?: boolean; children: ReactNode }) {
  return (
    <details className="shut" open={open}>
      <summary>{title}</summary>
      <div className="shut-body">{children}</div>
    </details>
  );
}
