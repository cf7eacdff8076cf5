// What surrounds each page: navigation, who is signed in, whether what is shown is live.
import { Outlet, useRouterState } from "@tanstack/react-router";
import { useEffect, useRef } from "react";
import { Toasts } from "../parts/toasts";
import { Brand } from "./Brand";
import { LinkState } from "./LinkState";
import { MeMenu } from "./MeMenu";
import { BottomBar, Navigation } from "./Navigation";
import { NewHolds } from "./NewHolds";

export function Shell() {
  useFocusOnNewPage();
  return (
    <Toasts>
      <div className="shell">
        <a className="skip" href="#main">
          Skip to the page
        </a>
        <header className="top">
          <Brand />
          <LinkState />
          <MeMenu />
        </header>
        <Navigation />
        <main id="main" className="main" tabIndex={-1}>
          <Outlet />
        </main>
        <BottomBar />
        <NewHolds />
      </div>
    </Toasts>
  );
}

/** Another page begins at its heading, also for who does not see it. The same page with another choice does not. */
function useFocusOnNewPage(): void {
  const page = useRouterState({ select: (state) => state.resolvedLocation?.pathname.split("/", 2)[1] });
  const before = useRef<string | undefined>(undefined);
  useEffect(() => {
    if (before.current !== undefined && before.current !== page) {
      document.getElementById("page-title")?.focus({ preventScroll: true });
    }
    before.current = page;
  }, [page]);
}
