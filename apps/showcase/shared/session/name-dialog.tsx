/** Asks a guest for a name, before the first write. */
import { Dialog } from "../dialog.js";
import { NameForm } from "./door.js";
import type { Entrance } from "./entrance.js";

export function AskNameDialog({ entrance, onClose }: { entrance: Entrance; onClose: () => void }) {
  const { current } = entrance;
  return (
    <Dialog title="What should others call you?" onClose={onClose}>
      <p class="soft">
        Keep this name, or choose your own. There is no password: the name belongs to this browser until you
        log out, or for 30 days after your last visit.
      </p>
      <NameForm
        present={entrance.lastName}
        problem={current.state === "outside" ? current.problem : undefined}
        action="Go on"
        onName={(name) => entrance.logIn(name)}
      >
        <button type="button" class="button" onClick={onClose}>
          Just look
        </button>
      </NameForm>
    </Dialog>
  );
}
