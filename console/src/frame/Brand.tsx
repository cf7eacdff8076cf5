// The name and the mark, which lead home.
import { Link } from "@tanstack/react-router";
import { Mark } from "../parts/Icon";

export function Brand() {
  return (
    <Link to="/" className="brand" aria-label="weir, overview">
      <Mark />
      <span>weir</span>
    </Link>
  );
}
