/** The mark: a pulse (脉). */
export function Pulse() {
  return (
    <svg className="mark" viewBox="0 0 32 32" width="28" height="28" aria-hidden="true">
      <rect width="32" height="32" rx="7" fill="#0b6570" />
      <path
        d="M4 17h6l3-8 5.5 14 3.5-9 1.5 3H28"
        fill="none"
        stroke="#fff"
        strokeWidth="2.4"
        strokeLinecap="round"
        strokeLinejoin="round"
      />
    </svg>
  );
}
