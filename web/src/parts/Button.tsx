import type { ButtonHTMLAttributes, ReactNode } from "react";

interface Props extends ButtonHTMLAttributes<HTMLButtonElement> {
  kind?: "primary" | "plain" | "quiet" | "danger";
  small?: boolean;
  /** Something that this button started is under way: it says so and takes no second click. */
  busy?: boolean;
  children: ReactNode;
}

/** The one button of the portal; every entry uses it, so that the light ones need no library. */
export function Button({ kind = "plain", small, busy, className = "", disabled, children, ...rest }: Props) {
  return (
    <button
      type="button"
      className={`button button-${kind} ${small ? "button-small" : ""} ${className}`}
      aria-busy={busy || undefined}
      disabled={disabled || busy}
      {...rest}
    >
      {children}
    </button>
  );
}
