// Says whether what is shown is live.
import { useLink } from "../api/live";
import { TimeAgo } from "../parts/time";

export function LinkState() {
  const link = useLink();
  return (
    <p className={`link-state link-${link.state}`} role="status">
      {link.state === "live" && "live"}
      {link.state === "connecting" && "connecting"}
      {link.state === "retrying" && (
        <>
          not live: retrying{" "}
          <span className="link-since">
            (since <TimeAgo time={new Date(link.since).toISOString()} />)
          </span>
        </>
      )}
    </p>
  );
}
