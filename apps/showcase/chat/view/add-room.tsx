/** One line to add a room: its name, and what is wrong with it. */
import { useState } from "preact/hooks";
import { Icon } from "../../shared/icon.js";

export interface AddRoomProps {
  /** Unique within the page. */
  id: string;
  label: string;
  placeholder: string;
  action: string;
  /** Gives what is wrong, if anything. */
  onAdd: (name: string) => string | undefined | Promise<string | undefined>;
}

export function AddRoom({ id, label, placeholder, action, onAdd }: AddRoomProps) {
  const [name, setName] = useState("");
  const [problem, setProblem] = useState<string>();
  const submit = async (event: Event) => {
    event.preventDefault();
    const found = await onAdd(name.trim());
    setProblem(found);
    if (found === undefined) setName("");
  };
  return (
    <form class="add-room" onSubmit={(event) => void submit(event)} noValidate>
      <label class="unseen" for={id}>
        {label}
      </label>
      <input
        id={id}
        class="add-room-field"
        value={name}
        placeholder={placeholder}
        autocomplete="off"
        autocapitalize="none"
        spellcheck={false}
        aria-invalid={problem !== undefined}
        aria-describedby={`${id}-problem`}
        onInput={(event) => {
          setName(event.currentTarget.value);
          setProblem(undefined);
        }}
      />
      <button type="submit" class="icon-button" aria-label={action} title={action}>
        <Icon name="plus" />
      </button>
      <p id={`${id}-problem`} class="add-room-problem" role="alert">
        {problem}
      </p>
    </form>
  );
}
