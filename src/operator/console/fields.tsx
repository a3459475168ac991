/** @module What forms that narrow a list are made of. Runs in: the Worker. */

import type { Config } from '../../config.ts';

/** One of several values, or none. */
export function ChoiceField(props: {
  label: string;
  name: string;
  none: string;
  options: readonly string[];
  chosen: string | undefined;
}) {
  const { label, name, none, options, chosen } = props;
  return (
    <label>
      {label}
      <select name={name}>
        <option value="">{none}</option>
        {options.map((option) => (
          <option value={option} selected={option === chosen}>
            {option}
          </option>
        ))}
      </select>
    </label>
  );
}

/** One of the routes, where there are several. */
export function RouteField({ config, chosen }: { config: Config; chosen: string | undefined }) {
  if (config.routes.length < 2) return null;
  const options = config.routes.map(({ path }) => path);
  return <ChoiceField label="Route" name="route" none="all" options={options} chosen={chosen} />;
}

/** A text, or a time. */
export function TextField(props: {
  label: string;
  name: string;
  value: string | undefined;
  placeholder?: string;
  size?: number;
  isTime?: boolean;
}) {
  const { label, name, value, placeholder, size, isTime = false } = props;
  return (
    <label>
      {label}
      <input
        name={name}
        type={isTime ? 'datetime-local' : 'text'}
        value={isTime ? value?.replace(/Z$/, '') : value}
        placeholder={placeholder}
        size={size}
        autocomplete="off"
        spellcheck={false}
      />
    </label>
  );
}
