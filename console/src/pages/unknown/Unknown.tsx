// For addresses that are nobody's, and for pages that failed.
import type { ErrorComponentProps } from "@tanstack/react-router";
import { Button, LinkButton } from "../../parts/Button";
import { Page } from "../../parts/Page";

export function Unknown() {
  return (
    <Page title="There is no such page" lead="The address may be mistyped, or from another version of weir.">
      <p>
        <LinkButton to="/">Go to the overview</LinkButton>
      </p>
    </Page>
  );
}

export function Broken({ error }: ErrorComponentProps) {
  return (
    <Page title="This page failed" lead="That is a fault of the console, not of the gateway. Jobs are not affected.">
      <pre className="text-block">{error instanceof Error ? error.message : String(error)}</pre>
      <p>
        <Button onPress={() => window.location.reload()}>Load the page again</Button>
      </p>
    </Page>
  );
}
