// Takes a given grant back.
import { useAction } from "../../api/actions";
import type { Grant } from "../../api/types";
import { ReasonAction } from "../../parts/dialogs";
import { useSay } from "../../parts/toasts";

export function RevokeGrant({ id }: { id: string }) {
  const act = useAction<Grant>(["grants"]);
  const say = useSay();
  return (
    <ReasonAction
      action="Revoke grant"
      text="Revoke"
      weight="warm"
      small
      onConfirm={async (reason) => {
        await act.mutateAsync({ path: `/v1/grants/${id}/revoke`, body: { reason } });
        say(`Grant ${id} is revoked.`);
      }}
    >
      <p>Nothing passes by it any more, and what runs by it at this moment is ended with its session.</p>
    </ReasonAction>
  );
}
