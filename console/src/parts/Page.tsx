// The frame of each page: its title, in the window too, what it is about, and what one can do on it.
import type { ReactNode } from "react";

interface PageProps {
  title: string;
  lead?: ReactNode;
  actions?: ReactNode;
  /** Takes the height of the window, for pages whose list scrolls by itself. */
  filled?: boolean;
  children: ReactNode;
}

export function Page({ title, lead, actions, filled = false, children }: PageProps) {
  return (
    <div className={filled ? "page page-filled" : "page"}>
      <title>{`${title} · weir`}</title>
      <header className="page-head">
        <div className="page-words">
          <h1 tabIndex={-1} id="page-title">
            {title}
          </h1>
          {lead && <p className="lead">{lead}</p>}
        </div>
        {actions && <div className="actions">{actions}</div>}
      </header>
      {children}
    </div>
  );
}

export function Section({ title, actions, children }: { title: string; actions?: ReactNode; children: ReactNode }) {
  return (
    <section className="section" aria-label={title}>
      <div className="section-head">
        <h2>{title}</h2>
        {actions && <div className="actions">{actions}</div>}
      </div>
      {children}
    </section>
  );
}
