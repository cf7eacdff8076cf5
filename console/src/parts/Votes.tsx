// Who may answer, who has, and how many are needed.
import type { Answer, Term, Vote } from "../api/types";
import { duration } from "./format";
import { TimeAgo } from "./time";

interface VotesProps {
  terms: readonly Term[];
  votes: readonly Vote[];
  involved: readonly string[];
  /** A hold may be approved once or for the session; a grant may not. */
  hasScopes?: boolean;
}

export function Votes({ terms, votes, involved, hasScopes = false }: VotesProps) {
  return (
    <div className="stack-small">
      <ul className="plain-list">
        {terms.map((term) => (
          <li key={`${term.policy} ${term.group}`}>
            {term.quorum} of <b>{term.group}</b> for policy <code>{term.policy}</code>
            <span className="quiet">
              {" "}
              ({votes.filter((vote) => vote.by.groups.includes(term.group)).length} of {term.quorum} so far
              {hasScopes && `; an approval for the session is good for ${duration(term.valid_seconds * 1000)}`})
            </span>
          </li>
        ))}
      </ul>
      {votes.length > 0 && (
        <ul className="plain-list">
          {votes.map((vote) => (
            <li key={`${vote.by.name} ${vote.at}`}>
              <b>{vote.by.name}</b> approved{hasScopes && ` (${vote.scope})`} <TimeAgo time={vote.at} />: {vote.reason}
            </li>
          ))}
        </ul>
      )}
      {involved.length > 0 && <p className="quiet">Involved, so they may not answer: {involved.join(", ")}.</p>}
    </div>
  );
}

/** "by ana: ticket 4711", from what the API says of an answer. */
export function answerText(answer: Answer | string | null): string {
  if (!answer) return "";
  return typeof answer === "string" ? answer : `by ${answer.by}: ${answer.reason}`;
}

/** Who said what to something that is over. */
export function saidText({ answer, votes }: { answer: Answer | null; votes: readonly Vote[] }): string {
  if (answer) return answerText(answer);
  return votes.map((vote) => answerText({ by: vote.by.name, reason: vote.reason })).join("; ");
}
