import { useId, type InputHTMLAttributes, type ReactNode, type SelectHTMLAttributes } from "react";

interface Labelled {
  label: string;
  hint?: string | undefined;
  error?: string | undefined;
}

interface Props extends Labelled {
  value: string;
  onChange: (value: string) => void;
  input?: Omit<InputHTMLAttributes<HTMLInputElement>, "value" | "onChange" | "id">;
  password?: boolean;
}

/** A labelled input whose hint and error are read out with it. */
export function Field({ label, hint, error, value, onChange, input, password }: Props): ReactNode {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <input
        type={password ? "password" : "text"}
        {...input}
        id={id}
        className="input"
        value={value}
        onChange={(event) => onChange(event.target.value)}
        aria-describedby={`${id}-note`}
        aria-invalid={error ? true : undefined}
      />
      <Note id={`${id}-note`} hint={hint} error={error} />
    </div>
  );
}

interface AreaProps extends Labelled {
  value: string;
  onChange: (value: string) => void;
  rows?: number;
  maxLength?: number;
}

/** The same for several lines of text. */
export function TextArea({ label, hint, error, value, onChange, rows = 3, maxLength = 500 }: AreaProps): ReactNode {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <textarea
        id={id}
        className="input"
        rows={rows}
        maxLength={maxLength}
        value={value}
        onChange={(event) => onChange(event.target.value)}
        aria-describedby={`${id}-note`}
        aria-invalid={error ? true : undefined}
      />
      <Note id={`${id}-note`} hint={hint} error={error} />
    </div>
  );
}

interface SelectProps extends Labelled {
  value: string;
  onChange: (value: string) => void;
  options: readonly { value: string; label: string }[];
  select?: Omit<SelectHTMLAttributes<HTMLSelectElement>, "value" | "onChange" | "id">;
  /** The label is said, not shown: the place of the list says what it chooses. */
  unseen?: boolean;
}

/** One of a list: the browser's own control, which every keyboard, screen reader and phone already knows. */
export function Select({ label, hint, error, value, onChange, options, select, unseen }: SelectProps): ReactNode {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id} className={unseen ? "unseen" : undefined}>
        {label}
      </label>
      <select
        {...select}
        id={id}
        className="input select"
        value={value}
        onChange={(event) => onChange(event.target.value)}
        aria-describedby={hint || error ? `${id}-note` : undefined}
      >
        {options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.label}
          </option>
        ))}
      </select>
      {(hint || error) && <Note id={`${id}-note`} hint={hint} error={error} />}
    </div>
  );
}

function Note({ id, hint, error }: { id: string; hint: string | undefined; error: string | undefined }) {
  return (
    <div id={id} className={error ? "field-note field-error" : "field-note"}>
      {error ?? hint}
    </div>
  );
}
