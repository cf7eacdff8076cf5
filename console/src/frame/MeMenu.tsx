// Who is signed in, by what, with which roles; the colours; signing out.
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Label } from "react-aria-components/Label";
import { Radio, RadioGroup } from "react-aria-components/RadioGroup";
import { useAction } from "../api/actions";
import { meQuery } from "../api/queries";
import type { Me, RoleGiven } from "../api/types";
import { Button } from "../parts/Button";
import { ModalDialog } from "../parts/dialogs";
import { Facts } from "../parts/Facts";
import { Problem } from "../parts/states";
import { type Theme, chooseTheme, useTheme } from "./theme";

export function MeMenu() {
  const { data: me } = useQuery(meQuery);
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <Button weight="bare" aria-label={`You: ${me?.name ?? "unknown"}`} aria-haspopup="dialog" onPress={() => setOpen(true)}>
        <span className="me-name">{me?.name ?? "…"}</span>
        <span aria-hidden="true">▾</span>
      </Button>
      <ModalDialog title="You" isOpen={isOpen} onOpenChange={setOpen} corner>
        {(close) => (
          <div className="stack me">
            {me && <WhoAmI me={me} />}
            <ThemeChoice />
            <div className="actions">
              <SignOut />
              <Button onPress={close}>Close</Button>
            </div>
          </div>
        )}
      </ModalDialog>
    </>
  );
}

/** "approver for prod-*", "admin". */
export function roleText(given: RoleGiven): string {
  const bounds = [...given.targets, ...given.workloads];
  return bounds.length === 0 ? given.role : `${given.role} for ${bounds.join(", ")}`;
}

function WhoAmI({ me }: { me: Me }) {
  return (
    <Facts
      facts={[
        ["name", me.name],
        ["signed in by", me.via],
        ["groups", me.groups.join(", ") || "none"],
        ["roles", me.local_root ? "root of this host" : me.roles.map(roleText).join("; ") || "none"],
      ]}
    />
  );
}

function ThemeChoice() {
  const theme = useTheme();
  return (
    <RadioGroup
      className="theme-choice"
      orientation="horizontal"
      value={theme}
      onChange={(value) => chooseTheme(value as Theme)}
    >
      <Label className="field-label">Colours</Label>
      <div className="segments">
        {(["light", "dark", "system"] as const).map((choice) => (
          <Radio key={choice} value={choice} className="segment">
            {choice}
          </Radio>
        ))}
      </div>
    </RadioGroup>
  );
}

function SignOut() {
  const out = useAction<{ location: string }>();
  return (
    <>
      {out.isError && <Problem error={out.error} />}
      <Button
        isDisabled={out.isPending}
        onPress={() =>
          out.mutate(
            { path: "/auth/logout", body: {} },
            { onSuccess: (answer) => window.location.assign(answer.location) },
          )
        }
      >
        Sign out
      </Button>
    </>
  );
}
