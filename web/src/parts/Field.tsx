import { Input, type InputProps } from "antd";
import { useId, type ReactNode } from "react";

interface Props {
  label: string;
  hint?: string | undefined;
  error?: string | undefined;
  value: string;
  onChange: (value: string) => void;
  input?: InputProps;
  password?: boolean;
}

/** A labelled input whose hint and error are read out with it. */
export function Field({ label, hint, error, value, onChange, input, password }: Props): ReactNode {
  const id = useId();
  const shared: InputProps = {
    ...input,
    id,
    value,
    onChange: (event) => onChange(event.target.value),
    "aria-describedby": `${id}-note`,
    "aria-invalid": error ? true : undefined,
    ...(error ? { status: "error" as const } : {}),
  };
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {password ? <Input.Password {...shared} /> : <Input {...shared} />}
      <div id={`${id}-note`} className={error ? "field-note field-error" : "field-note"}>
        {error ?? hint}
      </div>
    </div>
  );
}
