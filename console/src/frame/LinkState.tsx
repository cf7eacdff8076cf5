// Says whether what is shown is live.
import { useLink } from "../api/live";
import { TimeAgo } from "../parts/time";

export function LinkState() {
  const link = useLink();
  return (
    <div className={`link-state link-${link.state}`}>
      <span role="status">{WORDS[link.state]}</span>
      {link.state === "retrying" && (
        <span className="link-since">
          (<TimeAgo time={new Date(link.since).toISOString()} />)
        </span>
      )}
    </div>
  );
}

const WORDS = { live: "live", connecting: "connecting", retrying: "not live: retrying" } as const;
