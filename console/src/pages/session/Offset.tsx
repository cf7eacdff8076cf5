// How far into its session something was.
import { dateAndClock } from "../../parts/format";

export function Offset({ start, time }: { start: string; time: string }) {
  const seconds = Math.max(0, (Date.parse(time) - Date.parse(start)) / 1000);
  return (
    <time className="offset" dateTime={time} title={`${dateAndClock(time)} (${time})`}>
      +{seconds.toFixed(3)} s
    </time>
  );
}
