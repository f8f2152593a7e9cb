import { Component, type ReactNode } from "react";

import { useSpeak } from "./context.ts";

interface Props {
  /** Which page this is: another page gets another chance. */
  where: string;
  children: ReactNode;
}

/** A fault in one page leaves the frame standing: the banner, the language switch and the way out still work. */
export class Boundary extends Component<Props, { broken: boolean }> {
  override state = { broken: false };

  static getDerivedStateFromError(): { broken: boolean } {
    return { broken: true };
  }

  override componentDidUpdate(before: Props): void {
    if (this.state.broken && before.where !== this.props.where) this.setState({ broken: false });
  }

  override render(): ReactNode {
    return this.state.broken ? <Broken /> : this.props.children;
  }
}

function Broken() {
  const speak = useSpeak();
  return (
    <div className="page narrow empty-page" role="alert">
      <h1>{speak("page.broken")}</h1>
      <p>{speak("page.broken.hint")}</p>
    </div>
  );
}
