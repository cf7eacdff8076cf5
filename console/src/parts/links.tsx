// Ways from a name to its page: a workload, a session, the records of a run.
import { Link } from "@tanstack/react-router";
import { shortWorkload } from "./format";

export function WorkloadLink({ workload, name }: { workload: string; name?: string | null | undefined }) {
  return (
    <Link to="/workloads/$name" params={{ name: workload }} title={workload}>
      {name ?? shortWorkload(workload)}
    </Link>
  );
}

export function SessionLink({ session }: { session: string }) {
  return (
    <Link to="/sessions/$id" params={{ id: session }} className="mono">
      {session}
    </Link>
  );
}

export function RunLink({ run }: { run: string }) {
  return (
    <Link to="/records" search={{ run }} className="mono">
      {run}
    </Link>
  );
}
