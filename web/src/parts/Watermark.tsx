/** The reader's name, number and the time over the whole page: a photograph of the screen says who took it. */

import { useId } from "react";

interface Props {
  text: string;
}

export function Watermark({ text }: Props) {
  const id = useId();
  return (
    <svg className="watermark" aria-hidden="true" data-text={text}>
      <defs>
        <pattern id={id} width="360" height="190" patternUnits="userSpaceOnUse" patternTransform="rotate(-24)">
          <text x="10" y="60">
            {text}
          </text>
          <text x="120" y="155">
            {text}
          </text>
        </pattern>
      </defs>
      <rect width="100%" height="100%" fill={`url(#${id})`} />
    </svg>
  );
}
