// The way round: a column at wide windows, a bar at the bottom with a drawer at narrow ones.
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { grantsQuery, holdsQuery, unsealsQuery } from "../api/queries";
import { Button } from "../parts/Button";
import { ModalDialog } from "../parts/dialogs";
import { Icon } from "../parts/Icon";
import { IN_REACH, PLACES, type Place } from "./places";

export function Navigation() {
  return (
    <nav className="side" aria-label="Main">
      <Groups />
    </nav>
  );
}

export function BottomBar() {
  const [isOpen, setOpen] = useState(false);
  return (
    <nav className="bottom" aria-label="Main, short">
      <ul>
        {IN_REACH.map((place) => (
          <li key={place.to}>
            <PlaceLink place={place} />
          </li>
        ))}
        <li>
          <Button weight="bare" onPress={() => setOpen(true)}>
            <Icon name="more" />
            <span>More</span>
          </Button>
        </li>
      </ul>
      <ModalDialog title="All pages" isOpen={isOpen} onOpenChange={setOpen}>
        {(close) => (
          // oxlint-disable-next-line jsx-a11y/click-events-have-key-events, jsx-a11y/no-static-element-interactions -- the links inside take the keys
          <div className="drawer" onClick={close}>
            <Groups />
          </div>
        )}
      </ModalDialog>
    </nav>
  );
}

function Groups() {
  return PLACES.map(({ group, places }) => (
    <div key={group} className="nav-group">
      <p className="nav-title">{group}</p>
      <ul>
        {places.map((place) => (
          <li key={place.to}>
            <PlaceLink place={place} />
          </li>
        ))}
      </ul>
    </div>
  ));
}

function PlaceLink({ place }: { place: Place }) {
  return (
    <Link to={place.to} className="nav-link" activeOptions={{ exact: place.to === "/", includeSearch: false }}>
      <Icon name={place.icon} />
      <span>{place.name}</span>
      {place.to === "/holds" && <HoldsWaiting />}
      {place.to === "/grants" && <GrantsWaiting />}
      {place.to === "/unseals" && <UnsealsWaiting />}
    </Link>
  );
}

function HoldsWaiting() {
  const { data } = useQuery(holdsQuery);
  return <Badge value={data?.filter((hold) => hold.state === "waiting").length ?? 0} />;
}

function GrantsWaiting() {
  const { data } = useQuery(grantsQuery);
  return <Badge value={data?.filter((grant) => grant.state === "requested").length ?? 0} />;
}

function UnsealsWaiting() {
  const { data } = useQuery(unsealsQuery);
  return <Badge value={data?.filter((unseal) => unseal.state === "asked").length ?? 0} />;
}

function Badge({ value }: { value: number }) {
  if (value === 0) return null;
  return (
    <span className="badge">
      {value}
      <span className="unseen"> waiting</span>
    </span>
  );
}
