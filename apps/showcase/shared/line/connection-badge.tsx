/** Says how the connection is, in words, colour and shape; and after a break, what became of what was missed. */
import { useNow } from "../hooks.js";
import { type ConnectionStatus, describeReturn, describeState } from "./connection-status.js";

const returnShownMs = 20_000;

export interface ConnectionBadgeProps {
  status: ConnectionStatus;
  onTryNow: () => void;
}

export function ConnectionBadge({ status, onTryNow }: ConnectionBadgeProps) {
  const { current, lastReturn } = status;
  const isRetrying = current.state === "retrying";
  const isReturnFresh = lastReturn !== undefined && Date.now() - lastReturn.at < returnShownMs;
  const now = useNow(isRetrying || isReturnFresh);
  const { label, detail, countdown } = describeState(current, now);
  const news = lastReturn && current.state === "live" ? describeReturn(lastReturn) : "";
  const wait = countdown === undefined ? "" : `retrying in ${countdown} s`;
  const shown = [wait, detail, isReturnFresh ? news : ""];
  const canTryNow = isRetrying || current.state === "ended";
  return (
    <div class={`connection ${current.state}`} data-testid="connection">
      {/* What changes by the second is not read out, and what was read out may stay. */}
      <p class="unseen" role="status" aria-live="polite">
        {[label, detail, news].filter(Boolean).join(", ")}
      </p>
      <p class="badge" aria-hidden="true">
        <span class="badge-sign" />
        <span class="badge-label">{label}</span>
      </p>
      <p class="badge-detail" aria-hidden="true">
        {shown.filter(Boolean).join(", ")}
      </p>
      {canTryNow && (
        <button type="button" class="text-button small" onClick={onTryNow}>
          {current.state === "ended" ? "Connect again" : "Try now"}
        </button>
      )}
    </div>
  );
}
