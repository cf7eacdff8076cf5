// The one button, and a link that looks like it.
import { Link, type LinkProps } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { type ButtonProps, Button as AriaButton } from "react-aria-components/Button";

export type Weight = "plain" | "main" | "warm" | "bare";

export function Button({ weight = "plain", small = false, ...props }: ButtonProps & { weight?: Weight; small?: boolean }) {
  return <AriaButton {...props} className={look(weight, small)} />;
}

export function LinkButton({
  weight = "plain",
  small = false,
  children,
  ...props
}: Pick<LinkProps, "to" | "params" | "search"> & { weight?: Weight; small?: boolean; children: ReactNode }) {
  return (
    <Link {...(props as LinkProps)} className={look(weight, small)}>
      {children}
    </Link>
  );
}

function look(weight: Weight, small: boolean): string {
  return `button button-${weight}${small ? " button-small" : ""}`;
}
