// One session, live or recorded: who, what, when; all that it did; and what one can do about it.
import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { useMemo } from "react";
import { useLive } from "../../api/live";
import { holdsQuery, recordQuery } from "../../api/queries";
import { Page } from "../../parts/Page";
import { StatePill } from "../../parts/Pill";
import { Loaded, Problem } from "../../parts/states";
import { Acts } from "./Acts";
import { Header } from "./Header";
import { ReplayBar } from "./ReplayBar";
import { Timeline } from "./Timeline";
import { timeline } from "./timeline";
import { useFrames } from "./useFrames";
import { useReplay } from "./useReplay";

export function Session() {
  const { id } = useParams({ from: "/sessions/$id" });
  return <OneSession key={id} id={id} />;
}

function OneSession({ id }: { id: string }) {
  const record = useQuery(recordQuery(id));
  const live = useLive().sessions.get(id);
  const { read, isCut, more } = useFrames(id);
  const frames = read.data?.frames ?? NONE;
  const replay = useReplay(frames);
  const items = useMemo(() => timeline(frames.slice(0, replay.shown)), [frames, replay.shown]);
  // What is live can be killed also where its record can't be read.
  const who = live ?? record.data?.summary;
  const state = live?.state ?? read.data?.state ?? record.data?.summary.state;

  return (
    <Page title={`Session ${id}`} lead={state && <StatePill state={state} />}>
      <div className="session">
        <aside className="session-side" aria-label="About this session">
          {live?.state === "held" && <HeldNote session={id} />}
          <Loaded from={record} what="the record">
            {(data) => <Header record={data} live={live} />}
          </Loaded>
          {who && <Acts who={who} isLive={live !== undefined || read.data?.state === "live"} />}
        </aside>
        <section className="session-main" aria-label="What it did">
          <h2 className="unseen">What it did</h2>
          {read.isError && <Problem error={read.error} again={() => void read.refetch()} />}
          <ReplayBar replay={replay} frames={frames} />
          <Timeline
            items={items}
            isLive={read.data?.state === "live" && !replay.isOn}
            isReplayed={replay.isOn}
            isReading={!read.data?.isWhole && !isCut && !read.isError}
            more={isCut ? more : null}
          />
        </section>
      </div>
    </Page>
  );
}

/** A held session waits for somebody, perhaps for who looks at it. */
function HeldNote({ session }: { session: string }) {
  const { data } = useQuery(holdsQuery);
  const hold = data?.find((one) => one.state === "waiting" && one.asked.session === session);
  return (
    <p className="note-warm">
      It waits for a person.{" "}
      {hold && (
        <Link to="/holds/$id" params={{ id: hold.id }}>
          Look at hold {hold.id}
        </Link>
      )}
    </p>
  );
}

const NONE: never[] = [];
