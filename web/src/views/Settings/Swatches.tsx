import { type ReactNode, useId } from "react";

interface SwatchesProps<T extends string> {
  label: string;
  value: T;
  options: readonly { value: T; label: string }[];
  onChange: (value: T) => void;
  swatch: (value: T, chosen: boolean) => ReactNode;
}

/** One of a few that are seen better than said; each has its name all the same. */
export function Swatches<T extends string>({ label, value, options, onChange, swatch }: SwatchesProps<T>) {
  const name = useId();
  return (
    <div className="swatches" role="radiogroup" aria-label={label}>
      {options.map((option) => (
        <label key={option.value} title={option.label}>
          <input
            type="radio"
            className="visually-hidden"
            name={name}
            aria-label={option.label}
            checked={option.value === value}
            onChange={() => onChange(option.value)}
          />
          {swatch(option.value, option.value === value)}
        </label>
      ))}
    </div>
  );
}
