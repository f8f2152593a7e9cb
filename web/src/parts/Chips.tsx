interface Props {
  label: string;
  value: string;
  onChange: (value: string) => void;
  options: readonly { value: string; label: string; count?: number | undefined }[];
}

/** A row of choices of which one holds. */
export function Chips({ label, value, onChange, options }: Props) {
  return (
    <div className="chips" role="group" aria-label={label}>
      {options.map((option) => (
        <button
          type="button"
          className="chip"
          key={option.value}
          aria-pressed={option.value === value}
          onClick={() => onChange(option.value)}
        >
          {option.label}
          {option.count !== undefined && <span className="chip-count figures">{option.count}</span>}
        </button>
      ))}
    </div>
  );
}
