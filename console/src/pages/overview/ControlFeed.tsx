// What people and the gateway did lately, as the event stream tells it.
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useLive } from "../../api/live";
import type { ControlEvent } from "../../api/types";
import { Section } from "../../parts/Page";
import { Empty } from "../../parts/states";
import { TimeAgo } from "../../parts/time";

const SHOWN = 20;

export function ControlFeed() {
  const { events } = useLive();
  return (
    <Section title="Control events">
      {events.length === 0 ? (
        <Empty>Nobody has decided anything yet. What people do appears here as it happens.</Empty>
      ) : (
        <ol className="feed">
          {events.slice(0, SHOWN).map((event) => (
            <li key={event.number}>
              <TimeAgo time={event.at} />
              <code>{event.kind}</code>
              <Subject event={event} />
              <span className="quiet">by {event.by}</span>
            </li>
          ))}
        </ol>
      )}
    </Section>
  );
}

function Subject({ event }: { event: ControlEvent }): ReactNode {
  const { subject } = event;
  if (subject.startsWith("s-")) {
    return (
      <Link to="/sessions/$id" params={{ id: subject }}>
        {subject}
      </Link>
    );
  }
  if (subject.startsWith("h-")) {
    return (
      <Link to="/holds/$id" params={{ id: subject }}>
        {subject}
      </Link>
    );
  }
  if (subject.startsWith("a-")) {
    return (
      <Link to="/alerts/$id" params={{ id: subject }}>
        {subject}
      </Link>
    );
  }
  if (subject.startsWith("u-")) {
    return (
      <Link to="/unseals/$id" params={{ id: subject }}>
        {subject}
      </Link>
    );
  }
  return <span>{subject}</span>;
}
