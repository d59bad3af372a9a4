/** Another name for who has one. */
import { Dialog } from "../../shared/dialog.js";
import { NameForm } from "../../shared/session/door.js";

export interface NameDialogProps {
  present: string;
  /** Resolves with what is wrong, if anything. */
  onName: (name: string) => Promise<string | undefined>;
  onClose: () => void;
}

export function NameDialog({ present, onName, onClose }: NameDialogProps) {
  return (
    <Dialog title="A new name" onClose={onClose}>
      <p class="soft">Everyone in your rooms sees the new name at once. Older messages keep the old one.</p>
      <NameForm
        present={present}
        action="Change name"
        onName={async (name) => {
          const problem = await onName(name);
          if (problem === undefined) onClose();
          return problem;
        }}
      >
        <button type="button" class="button" onClick={onClose}>
          Cancel
        </button>
      </NameForm>
    </Dialog>
  );
}
